"""Small parts of HTML that all panels are made of. Everything from outside is escaped here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from easyphoto.errors import EasyPhotoError
from easyphoto.ui.i18n import Translator

ICONS = {
    "photo": '<rect x="3" y="5" width="18" height="14" rx="2.5"/><circle cx="9" cy="10.5" r="1.8"/>'
    '<path d="M4 17l5-4 3.5 2.8L16 12l4.5 4.6"/>',
    "person": '<circle cx="12" cy="8.5" r="3.8"/><path d="M4.5 20c1-4 4-6 7.5-6s6.5 2 7.5 6"/>',
    "curve": '<path d="M4 4v16h16"/><path d="M7 8c2.5 6 5 8 12 8.5"/>',
    "frame": '<rect x="4" y="3.5" width="16" height="17" rx="2"/><circle cx="12" cy="10" r="2.6"/>'
    '<path d="M7.5 17.500c.8-2.6 2.4-3.8 4.5-3.800s3.7 1.2 4.5 3.8"/>',
    "warn": '<path d="M12 4l9 16H3z"/><path d="M12 10v4.500M12 17.200v.1"/>',
}


def esc(text: Any) -> str:
    """For element text and quoted attributes."""
    return escape(str(text), quote=True)


def icon(name: str) -> str:
    """A line drawing; decoration only."""
    return (
        '<svg class="ep-icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.6" '
        f'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{ICONS[name]}</svg>'
    )


def says(box: str, message: Mapping[str, Any]) -> str:
    """Attributes of an element whose click writes `message` into the hidden text field `box`."""
    return f'data-ep-box="{esc(box)}" data-ep-message="{esc(json.dumps(message, ensure_ascii=False))}"'


def button(
    text: str, box: str, message: Mapping[str, Any], kind: str = "", label: str = "", pressed: Any = None
) -> str:
    """A real button; `pressed` makes it a toggle."""
    key = esc(box + json.dumps(message, sort_keys=True, ensure_ascii=False))
    state = "" if pressed is None else f' aria-pressed="{"true" if pressed else "false"}"'
    name = f' aria-label="{esc(label)}" title="{esc(label)}"' if label else ""
    return (
        f'<button type="button" class="ep-btn {kind}" data-ep-key="{key}" {says(box, message)}{state}{name}>'
        f"{esc(text)}</button>"
    )


def link(text: str, address: str) -> str:
    """Looks like a button and downloads what is at the address; none of our pages is left by it."""
    key = esc(f"link {address}")
    return f'<a class="ep-btn" href="{esc(address)}" download data-ep-key="{key}">{esc(text)}</a>'


def badge(text: str, kind: str) -> str:
    """A small coloured word; `kind` is good, fair, bad or quiet."""
    return f'<span class="ep-badge ep-{kind}">{esc(text)}</span>'


def empty(title: str, text: str, drawing: str) -> str:
    """What stands where nothing is yet: says what to do first."""
    return f'<div class="ep-empty">{icon(drawing)}<p class="ep-empty-title">{esc(title)}</p><p>{esc(text)}</p></div>'


def notice(title: str, text: str, kind: str = "quiet") -> str:
    """A sentence that stands out; problems are read out by screen readers."""
    role = "alert" if kind == "bad" else "status"
    return (
        f'<div class="ep-notice ep-{kind}" role="{role}"><strong>{esc(title)}</strong>'
        + (f"<span>{esc(text)}</span>" if text else "")
        + "</div>"
    )


def problem(error: Exception | Mapping[str, Any], say: Translator) -> str:
    """A failure with its file and its remedy."""
    facts = error.as_json() if isinstance(error, EasyPhotoError) else error
    if not isinstance(facts, Mapping):
        facts = {
            "problem": say("problem.unexpected", what=f"{type(error).__name__}: {error}"),
            "remedy": say("problem.unexpected.remedy"),
        }
    what, remedy = say.failure(facts)
    file, tail = facts.get("file", ""), facts.get("last_lines", "")
    details = f'<pre class="ep-tail">{esc(tail)}</pre>' if tail else ""
    return (
        f'<div class="ep-notice ep-bad" role="alert"><strong>{esc(say("problem"))}</strong><span>{esc(what)}</span>'
        + (f'<span class="ep-file">{esc(file)}</span>' if file and file not in what else "")
        + (f"<span><em>{esc(say('remedy'))}:</em> {esc(remedy)}</span>" if remedy else "")
        + f"{details}</div>"
    )


def picture(uri: str, alt: str, kind: str = "") -> str:
    """An image, or a quiet place for one that cannot be shown."""
    if not uri:
        return f'<span class="ep-noimg {kind}" role="img" aria-label="{esc(alt)}">{icon("photo")}</span>'
    return f'<img class="{kind}" src="{esc(uri)}" alt="{esc(alt)}" decoding="sync" draggable="false">'


def head(title: str, note: str = "", number: int = 0) -> str:
    """The heading of a card, with a step number where there is an order."""
    step = f'<span class="ep-step" aria-hidden="true">{number}</span>' if number else ""
    sub = f'<p class="ep-sub">{esc(note)}</p>' if note else ""
    return f'<div class="ep-head">{step}<div><h2>{esc(title)}</h2>{sub}</div></div>'


def bytes_in_words(size: float) -> str:
    """Decimal units, as disks are sold."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
