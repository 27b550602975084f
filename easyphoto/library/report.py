"""report.json: how a person was trained. It may come from somebody else's archive, so it is read as foreign input."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from easyphoto.errors import BadModel, EasyPhotoError
from easyphoto.locales import message
from easyphoto.system_errors import shortage_of

LARGEST = 5_000_000  # bytes
DEEPEST, MOST_VALUES, LONGEST_TEXT = 12, 500_000, 20_000
HIGHEST = 1e15  # of any number
MOST_STEPS, MOST_LOSSES, MOST_MESSAGES = 1_000, 200_000, 200


def read_report(file: Path) -> dict[str, Any]:
    """The report, bounded in size, depth and numbers, with the types that the page relies on. Raises BadModel."""
    try:
        if file.stat().st_size > LARGEST:
            raise _bad(file, "damaged.report-large")
        facts = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refused)
    except (OSError, ValueError, RecursionError) as error:
        raise shortage_of(error) or _bad(file, "damaged.report-no-json") from error
    if not isinstance(facts, dict) or not _is_bounded(facts):
        raise _bad(file, "damaged.report-unbounded")
    if wrong := [key for key, fits in _SHAPES.items() if facts.get(key) is not None and not fits(facts[key])]:
        raise _bad(file, "damaged.report-field", name=wrong[0])
    return facts


def _bad(file: Path, code: str, /, **params: Any) -> EasyPhotoError:
    return BadModel("library.damaged", stage="library", file=file.name, why=message(code, **params))


def _refused(word: str) -> float:
    raise ValueError(word)  # NaN and infinities, which are no JSON


def _is_bounded(facts: dict[str, Any]) -> bool:
    """Without recursion, since depth is what is tested."""
    level: list[Any] = [facts]
    count = 0
    for _ in range(DEEPEST):
        count += len(level)
        if count > MOST_VALUES or not all(map(_is_small, level)):
            return False
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return True
    return False


def _is_small(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_TEXT
    if isinstance(value, (int, float)):
        return abs(value) <= HIGHEST
    return True


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_curve(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MOST_LOSSES
        and all(isinstance(one, list) and len(one) == 2 and all(map(_is_number, one)) for one in value)
    )


def _is_by_step(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= MOST_STEPS
        and all(step.isdecimal() and step.isascii() and len(step) < 10 for step in value)
        and all(map(_is_number, value.values()))
    )


def _is_numbers(value: Any) -> bool:
    return isinstance(value, dict) and len(value) <= MOST_MESSAGES and all(map(_is_number, value.values()))


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _is_messages(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= MOST_MESSAGES and all(map(_is_message, value))


def _is_message(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, dict) and isinstance(value.get("params", {}), dict))


_SHAPES: dict[str, Callable[[Any], bool]] = {  # what the page and the charts read; other keys only have their bounds
    "settings": _is_table,
    "losses": _is_curve,
    "distance_by_step": _is_by_step,
    "likeness_by_step": _is_by_step,
    "votes": _is_by_step,
    "seconds": _is_numbers,
    "warnings": _is_messages,
    "notes": _is_messages,
    "recognizer": _is_table,
}
