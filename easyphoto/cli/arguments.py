"""Command-line arguments made from the requests' fields, so that a new option appears here by itself."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from easyphoto.domain import PICTURE_ENDINGS, Option, Photo, Template, options_of
from easyphoto.errors import BadRequest, NotFound
from easyphoto.locales import Message, message
from easyphoto.ui.i18n import Translator

MOST_CHOICES = 8


def add_options(parser: argparse.ArgumentParser, kind: type[Any], say: Translator, but: Iterable[str] = ()) -> None:
    """One ``--field-name`` for every field of `kind` with an `Option`; absent ones stay out of the result."""
    plain = parser.add_argument_group(say.text("cli.settings"))
    advanced = parser.add_argument_group(say.text("cli.advanced"))
    defaults = {f.name: f.default for f in fields(kind)}
    for name, rule in options_of(kind).items():
        if name not in but:
            _add(advanced if rule.advanced else plain, name, rule, defaults[name], say)


def _add(group: argparse._ArgumentGroup, name: str, rule: Option, default: Any, say: Translator) -> None:
    flag = "--" + name.replace("_", "-")
    text = _help(rule, default, say).replace("%", "%%")
    if isinstance(default, bool):
        group.add_argument(flag, dest=name, default=argparse.SUPPRESS, action=argparse.BooleanOptionalAction, help=text)
        return
    group.add_argument(
        flag,
        dest=name,
        default=argparse.SUPPRESS,
        type=_reader(type(default), rule, say),
        choices=rule.choices or None,
        metavar=None if rule.choices and not _is_long(rule) else type(default).__name__.upper(),
        help=text,
    )


def _is_long(rule: Option) -> bool:
    """Whether the choices stand in the help and not behind the flag, which is never broken into lines."""
    return len(rule.choices) > MOST_CHOICES


def _help(rule: Option, default: Any, say: Translator) -> str:
    """What the field is, its bounds and its default."""
    bounded = rule.low is not None and rule.high is not None
    bounds = [message("cli.bounds", low=rule.low, high=rule.high)] if bounded else []
    listed = [message("cli.choices", names=list(rule.choices))] if _is_long(rule) else []
    told = [Message(f"{rule.key}.help"), *listed, *bounds, message("cli.default", value=_shown(default))]
    return say.message(message("plain", text=told))


def _shown(default: Any) -> Message | str:
    if isinstance(default, bool):
        return message("cli.on" if default else "cli.off")
    return str(default) if default != "" else message("cli.empty")


def _reader(kind: type, rule: Option, say: Translator) -> Callable[[str], Any]:
    """Turns the text into `kind` and refuses what is outside the bounds."""

    def read(text: str) -> Any:
        value = kind(text)
        low = float("-inf") if rule.low is None else rule.low
        high = float("inf") if rule.high is None else rule.high
        if kind is not str and not low <= value <= high:
            raise argparse.ArgumentTypeError(say.text("cli.out-of-bounds", value=text, low=low, high=high))
        return value

    read.__name__ = kind.__name__  # argparse names it in "invalid int value"
    return read


def chosen(arguments: argparse.Namespace, kind: type[Any]) -> dict[str, Any]:
    """The fields of `kind` the user has set himself."""
    given = vars(arguments)
    return {name: given[name] for name in options_of(kind) if name in given}


def pictures_in(places: Iterable[Path]) -> list[Path]:
    """Picture files among `places`, folders replaced by what lies in them, in natural order.

    Raises NotFound for a place that does not exist, BadRequest where there is no picture at all.
    """
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            inside = (file for file in place.iterdir() if file.suffix.lower() in PICTURE_ENDINGS and file.is_file())
            found += sorted((file for file in inside if not file.name.startswith(".")), key=_natural)
        elif place.is_file():
            found.append(place)
        else:
            raise NotFound("picture.no-file-or-folder", stage="request", file=str(place))
    if not found:
        raise BadRequest("picture.none-in-folder", stage="request")
    return list(dict.fromkeys(found))


def _natural(file: Path) -> list[tuple[int, str]]:
    """Sorts 2.jpg before 10.jpg."""
    parts = re.split(r"(\d+)", file.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def photos_of(
    places: Sequence[Path], keep: Iterable[str] = (), drop: Iterable[str] = (), can_be_none: bool = False
) -> list[Photo]:
    """Photos with the user's own verdicts on them. Raises BadRequest for a verdict on no photo, and for no photos."""
    if not places and can_be_none:
        return []
    verdicts = {**dict.fromkeys(keep, "keep"), **dict.fromkeys(drop, "drop")}
    photos = [Photo(file, file.name, verdicts.pop(file.name, "")) for file in pictures_in(places)]
    if verdicts:
        raise BadRequest("photos.unknown-names", stage="request", names=sorted(verdicts))
    return photos


def templates_of(places: Iterable[Path], drawn: bool = False) -> list[Template]:
    """Templates named after their files. Raises BadRequest where there are none and the picture is not `drawn`."""
    places = list(places)
    if not places:
        if drawn:
            return []
        raise BadRequest("portrait.no-template", stage="request")
    return [Template(file, file.name) for file in pictures_in(places)]
