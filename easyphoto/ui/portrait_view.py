"""Templates to choose from, faces to give away, and portraits to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from easyphoto.domain import KEEP, Person
from easyphoto.ui.components import badge, button, empty, esc, notice, picture, problem, says
from easyphoto.ui.i18n import Translator
from easyphoto.ui.pictures import PREVIEW, PictureCache
from easyphoto.ui.selection import FaceBox, Selection

BOX = "ep-portrait-box"
WORD_KINDS = {
    "looks like the same person": "good",
    "resembles the person": "good",
    "a faint likeness": "fair",
    "looks like someone else": "bad",
}


@dataclass(frozen=True)
class TemplateTile:
    """A template on the shelf."""

    id: str
    name: str
    file: Path
    own: bool  # the user's, so it can be removed


def templates_html(cards: Sequence[TemplateTile], sitting: Selection, pictures: PictureCache, say: Translator) -> str:
    """The shelf; every template is a toggle."""
    if not cards:
        return empty(say("templates.empty"), say("templates.empty.next"), "frame")
    cells = "".join(_template(card, card.id in sitting.chosen, pictures, say) for card in cards)
    line = say("templates.chosen", n=len(sitting.chosen))
    return f'<p class="ep-sum" role="status"><b>{esc(line)}</b></p><ul class="ep-templates">{cells}</ul>'


def _template(card: TemplateTile, chosen: bool, pictures: PictureCache, say: Translator) -> str:
    remove = (
        button("×", BOX, {"do": "remove", "template": card.id}, "ep-x", say("templates.remove", name=card.name))
        if card.own
        else ""
    )
    return (
        f'<li class="ep-template"><button type="button" class="ep-tile" aria-pressed="{"true" if chosen else "false"}" '
        f'data-ep-key="template-{esc(card.id)}" {says(BOX, {"do": "toggle", "template": card.id})}>'
        f"{picture(pictures.uri(card.file), '')}<span>{esc(card.name)}</span></button>{remove}</li>"
    )


def faces_html(
    cards: Sequence[TemplateTile],
    sitting: Selection,
    spots: Mapping[str, Sequence[FaceBox]],
    people: Sequence[Person],
    tools: tuple[PictureCache, Translator],
) -> str:
    """The preview with numbered faces, and a choice of person for each."""
    pictures, say = tools
    if not people:
        go = button(say("tab.train"), "ep-go-box", {"tab": "train"}, "ep-primary")
        return empty(say("faces.nobody"), say("faces.nobody.next"), "person") + f'<div class="ep-centre">{go}</div>'
    shown = next((card for card in cards if card.id == sitting.shown), None)
    if shown is None:
        return empty(say("faces.pick"), "", "frame")
    tabs = _pages(cards, sitting) if len(sitting.chosen) > 1 else ""
    places = spots.get(shown.id, ())
    if not places:
        warning = notice(shown.name, say("faces.none"), "bad")
        return f"{tabs}{_preview(shown, (), pictures, say)}{warning}"
    cast = sitting.persons_in(shown.id, places)
    rows = "".join(_chooser(shown.id, n, cast[n], people, say) for n in range(len(places)))
    return f'{tabs}{_preview(shown, places, pictures, say)}<div class="ep-cast">{rows}</div>'


def _pages(cards: Sequence[TemplateTile], sitting: Selection) -> str:
    names = {card.id: card.name for card in cards}
    return (
        '<div class="ep-segs ep-pages" role="group">'
        + "".join(
            button(names[t], BOX, {"do": "show", "template": t}, "ep-seg", pressed=t == sitting.shown)
            for t in sitting.chosen
            if t in names
        )
        + "</div>"
    )


def _preview(card: TemplateTile, spots: Sequence[FaceBox], pictures: PictureCache, say: Translator) -> str:
    boxes = "".join(
        f'<span class="ep-face" style="left:{100 * s.left:.2f}%;top:{100 * s.top:.2f}%;width:{100 * s.width:.2f}%;'
        f'height:{100 * s.height:.2f}%"><b aria-label="{esc(say("faces.face", n=n))}">{n}</b></span>'
        for n, s in enumerate(spots, 1)
    )
    return f'<div class="ep-preview"><div>{picture(pictures.uri(card.file, PREVIEW), card.name)}{boxes}</div></div>'


def _chooser(template: str, face: int, person: str, people: Sequence[Person], say: Translator) -> str:
    choices = [(KEEP, say("faces.keep")), *((p.id, p.name) for p in people)]
    options = "".join(
        f'<option value="{esc(value)}"{" selected" if value == person else ""}>{esc(name)}</option>'
        for value, name in choices
    )
    label = say("faces.face", n=face + 1)
    message = {"do": "cast", "template": template, "face": face}
    return (
        f'<label class="ep-select"><span>{esc(label)}</span><select data-ep-key="face-{esc(template)}-{face}" '
        f'data-ep-value="person" {says(BOX, message)}>{options}</select></label>'
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


def shots_html(shots: Sequence[PortraitResult], pictures: PictureCache, say: Translator) -> str:
    """The gallery, newest first."""
    if not shots:
        return empty(say("portrait.results.empty"), say("portrait.results.empty.next"), "frame")
    return '<div class="ep-shots">' + "".join(_shot(shot, pictures, say) for shot in shots) + "</div>"


def _shot(shot: PortraitResult, pictures: PictureCache, say: Translator) -> str:
    facts, key = shot.facts, {"job": shot.job, "portrait": shot.number}
    buttons = button(
        say("portrait.download"), BOX, {"do": "download", **key}, "ep-primary", say("portrait.download.help")
    ) + button(say("portrait.again"), BOX, {"do": "again", **key})
    return (
        f'<article class="ep-shot-card">{_compare(shot, pictures, say)}<div class="ep-shot-text">'
        f"<h3>{esc(facts.get('template', ''))}</h3>{_likeness(shot, say)}"
        f'<p class="ep-facts">{esc(say("portrait.seed"))} {esc(facts.get("seed", ""))}</p>'
        f'<div class="ep-row">{buttons}</div>'
        f"<details><summary>{esc(say('portrait.settings'))}</summary><pre>{esc(facts.get('infotext', ''))}</pre>"
        f"</details></div></article>"
    )


def _notes(notes: Sequence[Any], say: Translator) -> str:
    """What could not be honoured, folded away."""
    if not notes:
        return ""
    lines = "".join(f"<li>{esc(say.message(note))}</li>" for note in notes)
    title = f"{say('portrait.notes')} · {len(notes)}"
    return f'<details><summary>{esc(title)}</summary><ul class="ep-notes">{lines}</ul></details>'


def _compare(shot: PortraitResult, pictures: PictureCache, say: Translator) -> str:
    after = pictures.uri(shot.file, PREVIEW)
    before = pictures.uri(shot.before, PREVIEW) if shot.before else ""
    if not before:
        return f'<div class="ep-compare">{picture(after, say("portrait.after"))}</div>'
    return (
        f'<div class="ep-compare" style="--at:50%">{picture(after, say("portrait.after"))}'
        f'<div class="ep-was" aria-hidden="true">{picture(before, "")}</div><i aria-hidden="true"></i>'
        f'<span class="ep-tag ep-tag-l">{esc(say("portrait.before"))}</span>'
        f'<span class="ep-tag ep-tag-r">{esc(say("portrait.after"))}</span>'
        f'<input type="range" min="0" max="100" value="50" class="ep-range" '
        f'data-ep-key="slide-{esc(shot.job)}-{shot.number}" aria-label="{esc(say("portrait.slider"))}"></div>'
    )


def _likeness(shot: PortraitResult, say: Translator) -> str:
    rows = []
    for score in shot.facts.get("likeness", ()):
        name = shot.names.get(score["person"], score["person"])
        word = badge(say.word(score["word"]), WORD_KINDS.get(score["word"], "quiet"))
        gaps = f"{_gap(score['before'])} → <b>{_gap(score['after'])}</b>"
        rows.append(f'<p class="ep-like"><span>{esc(name)}</span>{word}<small>{gaps}</small></p>')
    return "".join(rows)


def _gap(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def failures_html(failures: Sequence[Mapping[str, Any]], say: Translator) -> str:
    """What could not be made, picture by picture."""
    return "".join(problem(failure, say) for failure in failures)
