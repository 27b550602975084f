"""Templates to choose from, faces to assign, and portraits to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from easyphoto.domain import KEEP, Person
from easyphoto.ui.components import LEVEL_KINDS, problem
from easyphoto.ui.i18n import Translator
from easyphoto.ui.pictures import PREVIEW, PictureCache
from easyphoto.ui.rendering import render
from easyphoto.ui.selection import FaceBox, Selection

BOX = "ep-portrait-box"

NEARER = 0.02  # L2 by which a face must have come nearer before its badge is good


@dataclass(frozen=True)
class TemplateTile:
    """A template to choose."""

    id: str
    name: str
    file: Path
    own: bool  # the user's, so it can be removed
    titles: Mapping[str, str] = field(default_factory=dict)  # by language, of one that ships

    def title(self, say: Translator) -> str:
        """As it is shown in the page's language."""
        return self.titles.get(say.language, self.name)


def templates_html(
    cards: Sequence[TemplateTile], selection: Selection, pictures: PictureCache, say: Translator, box: str = BOX
) -> Markup:
    """All templates; each is a toggle."""
    return render("template_tiles", cards=cards, selection=selection, pictures=pictures, say=say, box=box)


def faces_html(
    cards: Sequence[TemplateTile],
    selection: Selection,
    face_boxes: Mapping[str, Sequence[FaceBox]],
    people: Sequence[Person],
    pictures: PictureCache,
    say: Translator,
) -> Markup:
    """The preview with numbered faces, and a choice of person for each."""
    shown = next((card for card in cards if card.id == selection.shown), None)
    places = face_boxes.get(shown.id, ()) if shown else ()
    return render(
        "faces",
        selection=selection,
        people=people,
        shown=shown,
        face_boxes=places,
        assigned=selection.persons_in(shown.id, places) if shown else (),
        names={card.id: card.title(say) for card in cards},
        keep=KEEP,
        pictures=pictures,
        preview=PREVIEW,
        say=say,
        box=BOX,
    )


@dataclass(frozen=True)
class PortraitResult:
    """A finished portrait on the page."""

    job: str
    number: int
    facts: Mapping[str, Any]  # as the queue's result has it
    file: Path
    before: Path | None
    names: Mapping[str, str]  # person id -> display name


def level_kind(score: Mapping[str, Any]) -> str:
    """Kind of the badge of a face's likeness; never good where the face is no nearer to the person than before."""
    kind = LEVEL_KINDS.get(score.get("level", ""), "quiet")
    before, after = score.get("before"), score.get("after")
    unchanged = before is not None and after is not None and after > before - NEARER
    return "quiet" if kind == "good" and unchanged else kind


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
        "portraits", shots=shots, pictures=pictures, say=say, level_kind=level_kind, preview=PREVIEW, actions=actions
    )


def failures_html(failures: Sequence[Mapping[str, Any]], say: Translator) -> Markup:
    """What could not be made, picture by picture."""
    return Markup("").join(problem(failure, say) for failure in failures)
