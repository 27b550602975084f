"""Requests to JSON and back, strictly: what does not fit is refused by name, never converted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from easyphoto.domain import PortraitRequest, QuickRequest, TrainRequest
from easyphoto.errors import BadRequest
from easyphoto.jobs.job import CheckRequest, Kind, WeightsRequest
from easyphoto.locales import Message

Request = TrainRequest | PortraitRequest | QuickRequest | CheckRequest | WeightsRequest
T = TypeVar("T")

REQUESTS: dict[Kind, type[Any]] = {
    Kind.CHECK: CheckRequest,
    Kind.TRAIN: TrainRequest,
    Kind.PORTRAIT: PortraitRequest,
    Kind.QUICK: QuickRequest,
    Kind.WEIGHTS: WeightsRequest,
}

MAX_TEXT = 2000
"""Characters of a text field."""

MAX_ITEMS = 32
"""Entries of a list field."""


def check_consent(request: Any) -> None:
    """Raises BadRequest where photos come without the consent of the person shown: before any is stored."""
    if isinstance(request, TrainRequest) and not request.consent:
        raise BadRequest("training.no-consent", stage="request")
    if isinstance(request, QuickRequest) and not request.consent:
        raise BadRequest("quick.no-consent", stage="request")


def checked_fields(kind: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """The given fields with their Python types. Raises BadRequest naming the first unknown or mistyped one."""
    defaults = kind()
    known = {f.name: getattr(defaults, f.name) for f in fields(kind)}
    if strangers := [name for name in data if name not in known]:
        raise BadRequest("field.unknown-name", stage="request", name=strangers[0][:80], known=list(known))
    return {name: _typed(name, known[name], value) for name, value in data.items()}


def read_request(kind: type[T], data: Mapping[str, Any]) -> T:
    """The request; absent fields have their defaults. Raises BadRequest."""
    return kind(**checked_fields(kind, data))


_EXPECTED: dict[type[Any], str] = {
    bool: "field.no-boolean",
    int: "field.no-whole-number",
    float: "field.no-number",
    str: "field.no-text",
    tuple: "field.no-texts",
}


def _typed(name: str, default: Any, value: Any) -> Any:
    wanted = type(default)
    if is_dataclass(wanted):
        return _request_within(wanted, name, value)
    if wanted is bool and isinstance(value, bool):
        return value
    if wanted in (int, float) and isinstance(value, (int, float)) and not isinstance(value, bool):
        return _number(name, wanted, value)
    if wanted is str and isinstance(value, str):
        return _text(name, value)
    if wanted is tuple and isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        if len(value) > MAX_ITEMS:
            raise BadRequest("field.list-too-long", stage="request", name=name, count=len(value), most=MAX_ITEMS)
        return tuple(_text(name, item) for item in value)
    raise BadRequest(_EXPECTED[wanted], stage="request", name=name)


def _request_within(kind: type[Any], name: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise BadRequest("field.object", stage="request", field=name)
    return read_request(kind, value)


def _number(name: str, wanted: type[Any], value: float) -> Any:
    if wanted is int and value != value // 1:  # also true for NaN and infinity
        raise BadRequest("field.no-whole-number", stage="request", name=name)
    try:
        return wanted(value)
    except OverflowError as error:
        raise BadRequest("field.too-large", stage="request", name=name) from error


def _text(name: str, value: str) -> str:
    if len(value) > MAX_TEXT:
        raise BadRequest("field.text-too-long", stage="request", name=name, length=len(value), most=MAX_TEXT)
    if any("\ud800" <= letter <= "\udfff" or letter == "\0" for letter in value):
        raise BadRequest("field.bad-characters", stage="request", name=name)
    return value


def as_json(value: Any, root: Path) -> Any:
    """Plain JSON of the domain's types: paths relative to the data folder, those outside it only names; no pixels."""
    if isinstance(value, Message):
        return value.as_json()
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_json(getattr(value, f.name), root) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return value.relative_to(root).as_posix() if value.is_relative_to(root) else value.name
    if isinstance(value, Mapping):
        return {str(key): as_json(item, root) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [as_json(item, root) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, float) and value != value:
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{type(value).__name__} has no JSON form here")
