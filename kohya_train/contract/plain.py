"""Dataclasses out of plain JSON, and the bounds of their fields."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from kohya_train.contract.failures import BadConfig


@dataclass(frozen=True)
class Bounds:
    """What a field may be, and how the trainers people know call it."""

    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    kohya: str = ""  # its name in kohya's sd-scripts; "" where there is none
    onetrainer: str = ""  # its label in OneTrainer


def bounded(default: Any, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    """A dataclass field that carries its `Bounds`."""
    return field(default=default, metadata={"bounds": Bounds(low, high, **more)})


def bounds_of(kind: type[Any]) -> dict[str, Bounds]:
    """Field name -> its bounds, for every field that has some."""
    return {one.name: one.metadata["bounds"] for one in fields(kind) if "bounds" in one.metadata}


def check(values: Any) -> None:
    """Raise BadConfig naming the first field outside its bounds or choices; every number of a list is looked at."""
    for name, rule in bounds_of(type(values)).items():
        value = getattr(values, name)
        for one in value if isinstance(value, tuple) else (value,):
            _check(name, one, rule)


def _check(name: str, value: Any, rule: Bounds) -> None:
    if rule.choices and value not in rule.choices:
        raise BadConfig("no-choice", name=name, value=value, choices=list(rule.choices))
    if rule.low is None and rule.high is None:
        return
    if not isinstance(value, (int, float)):
        raise BadConfig("no-number", name=name, value=value)
    if not (rule.low is None or rule.low <= value) or not (rule.high is None or value <= rule.high):
        raise BadConfig("out-of-bounds", name=name, value=value, low=rule.low, high=rule.high)


def build(kind: type[Any], values: Any) -> Any:
    """The dataclass with these values; lists become tuples. Raises BadConfig."""
    if not isinstance(values, dict):
        raise BadConfig("no-object", kind=kind.__name__)
    if unknown := values.keys() - {one.name for one in fields(kind)}:
        raise BadConfig("unknown-fields", kind=kind.__name__, names=sorted(unknown))
    try:
        return kind(**{name: tuple(one) if isinstance(one, list) else one for name, one in values.items()})
    except TypeError as problem:
        raise BadConfig("mistyped", kind=kind.__name__, why=str(problem)) from problem
