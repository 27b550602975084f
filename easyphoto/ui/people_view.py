"""The people who are trained, as cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from easyphoto.domain import BUILTIN_CHECKPOINT, LikenessLevel, Person
from easyphoto.errors import EasyPhotoError
from easyphoto.library.uploads import StoredUpload
from easyphoto.ui.components import LEVEL_KINDS, bytes_in_words
from easyphoto.ui.i18n import Translator
from easyphoto.ui.pictures import PictureCache
from easyphoto.ui.rendering import render

BOX = "ep-people-box"


@dataclass(frozen=True)
class PersonCard:
    """A person with what a card says of them."""

    person: Person
    bytes: int
    level: LikenessLevel | None  # what the likeness means; None when it was not measured
    export: str  # address of the zip with everything of theirs
    report: Markup | None = None  # the training report while it is open
    portraits: int = 0  # finished ones that show them


@dataclass(frozen=True)
class Opened:
    """Which card is unfolded, and for what: rename, delete or report."""

    person: str = ""
    form: str = ""


def people_html(cards: Sequence[PersonCard], opened: Opened, pictures: PictureCache, say: Translator) -> Markup:
    """A card for everybody."""
    return render(
        "people",
        cards=cards,
        opened=opened,
        pictures=pictures,
        say=say,
        box=BOX,
        facts=lambda card: _facts(card, say),
        kind=_kind,
    )


def import_name_html(error: EasyPhotoError, brought: StoredUpload, say: Translator) -> Markup:
    """That the name of an import is taken, and a field for another one."""
    problem, _ = error.messages()
    return render("import_name", problem=problem, upload=brought.id, say=say, box=BOX)


def _facts(card: PersonCard, say: Translator) -> list[str]:
    person = card.person
    return [
        say.count("people.photos", len(person.photos)),
        f"{say('people.size')} {bytes_in_words(card.bytes)}",
        f"{say('people.date')} {person.created[:10]}",
        person.base_model,
        *([] if person.lora else [say("people.no-lora")]),
    ]


def _kind(card: PersonCard) -> str:
    """How good the validation images are; those of the built-in model say little."""
    if card.person.base_model == BUILTIN_CHECKPOINT:
        return "quiet"
    return LEVEL_KINDS[card.level] if card.level else "quiet"


def report_html(person: Person, body: str, say: Translator) -> Markup:
    """The training report with its buttons."""
    return render("person_report", person=person, body=body, say=say, box=BOX)
