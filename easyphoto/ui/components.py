"""Small parts of HTML that all panels are made of; the views' templates import the same macros."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from easyphoto.domain import LikenessLevel
from easyphoto.errors import BadPicture
from easyphoto.sqlite_damage import SetAside
from easyphoto.system_errors import failure_of
from easyphoto.ui.i18n import Translator
from easyphoto.ui.rendering import macro, render

LEVEL_KINDS = {
    LikenessLevel.SAME_PERSON: "good",
    LikenessLevel.RESEMBLES: "good",
    LikenessLevel.FAINT: "fair",
    LikenessLevel.SOMEONE_ELSE: "bad",
}
"""Colour of a badge; the values of the levels are its keys too."""


def button(text: str, box: str, message: Mapping[str, Any]) -> Markup:
    """A button whose click writes `message` into the hidden text field `box`."""
    return macro("components", "button")(text, box, dict(message))


def empty(title: str, text: str, drawing: str) -> Markup:
    """What stands where nothing is yet: says what to do first."""
    return macro("components", "empty")(title, text, drawing)


def notice(title: str, text: str = "", kind: str = "quiet") -> Markup:
    """A sentence that stands out; `kind` is good, fair, bad or quiet; bad ones are read out by screen readers."""
    return macro("components", "notice")(title, text, kind)


def head(title: str, note: str = "", number: int = 0) -> Markup:
    """The heading of a card, with a step number where there is an order."""
    return macro("components", "head")(title, note, number)


def problem(error: Exception | Mapping[str, Any], say: Translator, name: str = "") -> Markup:
    """A failure with its file, called `name` by the user, and its remedy."""
    failure = failure_of(error) if isinstance(error, Exception) else None
    facts = failure.as_json() | ({"file": name} if name else {}) if failure else error
    if not isinstance(facts, Mapping):
        facts = {
            "problem": say("problem.unexpected", what=f"{type(error).__name__}: {error}"),
            "remedy": say("problem.unexpected.remedy"),
        }
    return macro("components", "problem")(facts, say)


def not_pictures(names: Sequence[str], say: Translator) -> Markup:
    """That those files were left out; nothing where there are none."""
    told = ", ".join(names)
    return problem(BadPicture("upload.no-picture", stage="upload", names=told), say) if names else Markup("")


def damage_html(found: Sequence[SetAside], say: Translator, box: str) -> Markup:
    """What was damaged and set aside, until somebody says that they have read it."""
    return render("damage", found=found, say=say, box=box) if found else Markup("")


def bytes_in_words(size: float) -> str:
    """Decimal units, as disks are sold."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
