"""Templates to choose from, faces to assign, and portraits to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup

from easyphoto.domain import KEEP, Person
from easyphoto.portrait.template_fit import FitLevel, TemplateFit
from easyphoto.ui.i18n import Translator
from easyphoto.ui.pictures import PREVIEW, PictureCache
from easyphoto.ui.rendering import render
from easyphoto.ui.selection import FaceBox, Selection

BOX = "ep-portrait-box"

TAGS = ("woman", "man", "couple", "young", "older", "smile", "suit", "casual", "studio", "outdoor", "black-and-white")
"""Tags of templates that are offered as filters, in this order; others are not translated."""
MANY = 6  # templates from which there is something to search
FIT_KINDS = {FitLevel.GOOD: "good", FitLevel.FAIR: "fair", FitLevel.POOR: "bad"}


@dataclass(frozen=True)
class TemplateTile:
    """A template to choose."""

    id: str
    name: str
    file: Path
    own: bool  # the user's, so it can be removed
    titles: Mapping[str, str] = field(default_factory=dict)  # by language, of one that ships
    tags: tuple[str, ...] = ()  # of one that ships

    def title(self, say: Translator) -> str:
        """As it is shown in the page's language."""
        return self.titles.get(say.language, self.name)

    def words(self, say: Translator) -> str:
        """What a search looks in: the title and the tags, in the page's language and in lower case."""
        return " ".join((self.title(say), *(say(f"tag.{tag}") for tag in self.tags if tag in TAGS))).lower()


@dataclass(frozen=True)
class TemplateChoice:
    """Which templates are chosen, and how each fits the person."""

    selection: Selection
    fits: Mapping[str, TemplateFit] = field(default_factory=dict)  # by template id, as far as known


def templates_html(
    cards: Sequence[TemplateTile], chosen: TemplateChoice, pictures: PictureCache, say: Translator, box: str = BOX
) -> Markup:
    """All templates; each is a toggle, with how it fits the person once that is known."""
    return render(
        "template_tiles",
        cards=cards,
        selection=chosen.selection,
        fits=chosen.fits,
        fit_kinds=FIT_KINDS,
        tags=[tag for tag in TAGS if any(tag in card.tags for card in cards)] if len(cards) > MANY else [],
        search=len(cards) > MANY,
        pictures=pictures,
        say=say,
        box=box,
    )


def fits_html(cards: Sequence[TemplateTile], chosen: TemplateChoice, say: Translator) -> Markup:
    """What is to be expected of the chosen templates; nothing where all fits."""
    told = {one: fit.reasons for one, fit in chosen.fits.items() if fit.reasons and one in chosen.selection.chosen}
    titles = {card.id: card.title(say) for card in cards}
    return render("template_fits", told=told, titles=titles, say=say) if told else Markup("")


FitFor = Callable[[Path, int, str], TemplateFit | None]
"""How a face of a template, by its number, fits a person; None while it is not known."""


def faces_html(
    cards: Sequence[TemplateTile],
    selection: Selection,
    face_boxes: Mapping[str, Sequence[FaceBox]],
    people: Sequence[Person],
    pictures: PictureCache,
    say: Translator,
    fit_for: FitFor = lambda template, face, person: None,
) -> Markup:
    """The preview with numbered faces, and a choice of person for each, with what does not fit."""
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
        fit_for=fit_for,
    )
