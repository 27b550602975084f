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
from easyphoto.ui.portrait_view import BOX
from easyphoto.ui.rendering import render

NEARER = 0.02  # L2 by which a face must have come nearer before its badge is good
QUALITY_KINDS = {QualityLevel.GOOD: "good", QualityLevel.FAIR: "fair", QualityLevel.POOR: "bad"}


@dataclass(frozen=True)
class PortraitResult:
    """A finished portrait on the page."""

    job: str
    number: int
    facts: Mapping[str, Any]  # as the queue's result has it
    file: Path
    before: Path | None
    names: Mapping[str, str]  # person id -> display name


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
    again: bool = True  # it can be made once more; else its job can be deleted with its portraits
    asked: str = ""  # the job whose deletion is to be confirmed


def shots_html(
    shots: Sequence[PortraitResult], pictures: PictureCache, say: Translator, actions: CardActions | None = None
) -> Markup:
    """The gallery, newest first."""
    actions = actions or CardActions()
    return render(
        "portraits", shots=shots, pictures=pictures, say=say, badges_of=badges_of, preview=PREVIEW, actions=actions
    )


def failures_html(failures: Sequence[Mapping[str, Any]], say: Translator) -> Markup:
    """What could not be made, picture by picture."""
    return Markup("").join(problem(failure, say) for failure in failures)
