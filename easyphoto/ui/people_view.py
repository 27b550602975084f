"""The people who are trained, as cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from easyphoto.domain import BUILTIN_CHECKPOINT, Person
from easyphoto.ui.components import badge, button, bytes_in_words, empty, esc, link, picture
from easyphoto.ui.i18n import Translator
from easyphoto.ui.pictures import PictureCache

BOX = "ep-people-box"


@dataclass(frozen=True)
class PersonCard:
    """A person with what a card says of them."""

    person: Person
    bytes: int
    word: str  # what the likeness means; "" when it was not measured
    export: str  # address of the zip with everything of theirs
    report: str = ""  # HTML of the training report while it is open


@dataclass(frozen=True)
class Opened:
    """Which card is unfolded, and for what: rename, delete or report."""

    person: str = ""
    form: str = ""


def people_html(cards: Sequence[PersonCard], opened: Opened, pictures: PictureCache, say: Translator) -> str:
    """A card for everybody."""
    if not cards:
        go = button(say("tab.train"), "ep-go-box", {"tab": "train"}, "ep-primary")
        return empty(say("people.empty"), say("people.empty.next"), "person") + f'<div class="ep-centre">{go}</div>'
    line = say.count("people.count", len(cards))
    cells = "".join(_card(card, opened, pictures, say) for card in cards)
    return f'<p class="ep-sum" role="status"><b>{esc(line)}</b></p><ul class="ep-people">{cells}</ul>'


def _card(card: PersonCard, opened: Opened, pictures: PictureCache, say: Translator) -> str:
    person = card.person
    form = (card.report or _form(person, opened.form, say)) if opened.person == person.id else ""
    wide = " ep-wide" if card.report else ""
    return (
        f'<li class="ep-person{wide}" data-ep-person="{esc(person.id)}">'
        f'<div class="ep-portrait-thumb">{picture(pictures.uri(person.reference), person.name)}</div>'
        f'<div class="ep-person-text"><h3>{esc(person.name)}</h3>{_facts(card, say)}'
        f'<div class="ep-row">{_buttons(card, say)}</div>{form}</div></li>'
    )


def _facts(card: PersonCard, say: Translator) -> str:
    person = card.person
    likeness = person.lora.likeness if person.lora else None
    facts = [
        say.count("people.photos", len(person.photos)),
        f"{say('people.size')} {bytes_in_words(card.bytes)}",
        f"{say('people.date')} {person.created[:10]}",
        person.base_model,
    ]
    word = ""
    if likeness is not None:
        told = say("people.trials", word=say.word(card.word), gap=f"{likeness:.2f}")
        word = badge(told, "quiet" if person.base_model == BUILTIN_CHECKPOINT else _kind(card.word))
    return f'<p class="ep-facts">{esc(" · ".join(facts))}</p>{word}'


def _kind(word: str) -> str:
    return {"a faint likeness": "fair", "looks like someone else": "bad"}.get(word, "good")


def _buttons(card: PersonCard, say: Translator) -> str:
    person = card.person

    def act(key: str, do: str, kind: str = "") -> str:
        return button(say(key), BOX, {"do": do, "person": person.id}, kind)

    go = button(say("people.portrait"), "ep-go-box", {"tab": "portrait", "person": person.id}, "ep-primary")
    report = act("people.report", "open-report") if person.report else ""
    return (
        f"{go}{report}{act('people.rename', 'open-rename')}{link(say('people.export'), card.export)}"
        f"{act('people.delete', 'open-delete', 'ep-stop')}"
    )


def _form(person: Person, form: str, say: Translator) -> str:
    if form == "rename":
        return _typed(
            person, ("rename", say("people.rename.to", name=person.name), say("people.save"), person.name), say
        )
    return _typed(
        person, ("delete", say("people.delete.sure", name=person.name), say("people.delete.go"), ""), say, "ep-stop"
    )


def report_html(person: Person, body: str, say: Translator) -> str:
    """The training report with its buttons."""
    buttons = button(say("people.report.file"), BOX, {"do": "report", "person": person.id}) + button(
        say("close"), BOX, {"do": "close", "person": person.id}
    )
    return f'<div class="ep-report">{body}<div class="ep-row">{buttons}</div></div>'


def _typed(person: Person, words: tuple[str, str, str, str], say: Translator, kind: str = "ep-primary") -> str:
    """A text field with its button; the field's text goes along as `text`."""
    do, label, verb, value = words
    field = f"ep-{do}-{esc(person.id)}"
    go = button(verb, BOX, {"do": do, "person": person.id}, kind).replace(
        "<button", f'<button data-ep-with="{field}"', 1
    )
    return (
        f'<div class="ep-form"><label for="{field}">{esc(label)}</label><div class="ep-row">'
        f'<input id="{field}" type="text" value="{esc(value)}" maxlength="80" autocomplete="off" '
        f'data-ep-key="{field}">{go}{button(say("close"), BOX, {"do": "close", "person": person.id})}</div></div>'
    )
