"""Cards of finished portraits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from easyphoto.domain import Quality, QualityLevel
from easyphoto.ui.components import LEVEL_KINDS, problem
from easyphoto.ui.i18n import Translator
from easyphoto.ui.pictures import PREVIEW, PictureCache
from easyphoto.ui.portrait_view import BOX, TemplateTile
from easyphoto.ui.rendering import render
from easyphoto.ui.selection import GalleryView

SETTINGS_BOX = "ep-settings-box"
FULL = 2400  # longer side in pixels of what the window over the page shows
NEARER = 0.02  # L2 by which a face must have come nearer before its badge is good
QUALITY_KINDS = {QualityLevel.GOOD: "good", QualityLevel.FAIR: "fair", QualityLevel.POOR: "bad"}


@dataclass(frozen=True)
class PortraitResult:
    """A finished portrait on the page."""

    job: str
    name: str  # of its file, by which its job knows it
    facts: Mapping[str, Any]  # as the queue's result has it
    file: Path
    card: TemplateTile | None  # None for a template that has gone
    names: Mapping[str, str]  # person id -> display name
    over: bool = True  # its job has ended, so it can be deleted or kept as a favorite

    @property
    def before(self) -> Path | None:
        """The template's picture."""
        return self.card.file if self.card else None

    def title(self, say: Translator) -> str:
        """The template's, as the page shows it."""
        return self.card.title(say) if self.card else Path(str(self.facts.get("template", ""))).stem

    @property
    def persons(self) -> tuple[str, ...]:
        """Ids of those it shows."""
        return tuple(str(score["person"]) for score in self.facts.get("likeness", ()))

    def is_in(self, view: GalleryView) -> bool:
        """Whether the view shows it."""
        return (
            (not view.person or view.person in self.persons)
            and (not view.template or view.template == self.facts.get("template"))
            and (not view.favorites or self.facts.get("favorite") is True)
        )


@dataclass(frozen=True)
class ScoreBadges:
    """Kinds of the two badges of a face: neither is green unless both are."""

    likeness: str
    quality: str
    quality_level: QualityLevel | None  # None where it was not measured


def badges_of(score: Mapping[str, Any]) -> ScoreBadges:
    """Of a face; the likeness is never good where the face is no nearer to the person than before."""
    likeness = LEVEL_KINDS.get(score.get("level", ""), "quiet")
    before, after = score.get("before"), score.get("after")
    if likeness == "good" and before is not None and after is not None and after > before - NEARER:
        likeness = "quiet"
    level = Quality(float(score["quality"]["value"])).level if score.get("quality") else None
    quality = QUALITY_KINDS[level] if level else "quiet"
    if (likeness == "good") != (quality == "good"):
        likeness, quality = ("quiet" if kind == "good" else kind for kind in (likeness, quality))
    return ScoreBadges(likeness, quality, level)


@dataclass(frozen=True)
class CardActions:
    """What the buttons of a finished portrait do."""

    box: str = BOX  # the hidden field they write to
    settings_box: str = SETTINGS_BOX  # the one that "use these settings" writes to; "" where there are none to choose
    again: bool = True  # it can be made once more; else its whole run can be deleted


def gallery_html(
    everything: Sequence[PortraitResult],
    shots: Sequence[PortraitResult],
    view: GalleryView,
    pictures: PictureCache,
    say: Translator,
    actions: CardActions,
) -> Markup:
    """The filters, the newest of `shots`, and a way to the older ones."""
    return render(
        "gallery",
        everything=everything,
        shots=shots,
        view=view,
        people={one: shot.names.get(one, one) for shot in everything for one in shot.persons},
        template_names=sorted({str(shot.facts["template"]): shot.title(say) for shot in everything}.items()),
        cards=shots_html(shots[: view.most], pictures, say, actions, view.asked) if shots or not everything else "",
        say=say,
        box=actions.box,
    )


def shots_html(
    shots: Sequence[PortraitResult],
    pictures: PictureCache,
    say: Translator,
    actions: CardActions | None = None,
    asked: str = "",
) -> Markup:
    """The cards, newest first; `asked` is the id of the portrait whose deletion is to be confirmed."""
    return render(
        "portraits",
        shots=shots,
        pictures=pictures,
        say=say,
        badges_of=badges_of,
        preview=PREVIEW,
        actions=actions or CardActions(),
        asked=asked,
    )


def full_html(shot: PortraitResult, pictures: PictureCache) -> Markup:
    """The portrait and its template large; our script shows them in the window over the page."""
    after = pictures.uri(shot.file, FULL)
    before = pictures.uri(shot.before, FULL) if shot.before else ""
    return render("full_portrait", shot=shot, after=after, before=before)


def failures_html(failures: Sequence[Mapping[str, Any]], say: Translator) -> Markup:
    """What could not be made, picture by picture."""
    return Markup("").join(problem(failure, say) for failure in failures)
