"""What a form, a schema and a command line need to know of a request's field."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from easyphoto.errors import BadRequest


@dataclass(frozen=True)
class Option:
    """What a form, a schema and a command line need to know of a field."""

    label: str
    help: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    advanced: bool = True


def option(
    default: Any,
    label: str,
    help: str,
    **bounds: Any,
) -> Any:
    """A dataclass field that carries its `Option`."""
    return field(default=default, metadata={"option": Option(label, help, **bounds)})


def options_of(kind: type[Any]) -> dict[str, Option]:
    """Field name -> Option, in order, for every field that has one."""
    return {f.name: f.metadata["option"] for f in fields(kind) if "option" in f.metadata}


def check_bounds(request: Any) -> None:
    """Raise BadRequest naming the first field that is outside its bounds or choices."""
    for name, rule in options_of(type(request)).items():
        value = getattr(request, name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if value != value:
                raise BadRequest(f"{name} is not a number.", stage="request")
            if (rule.low is not None and value < rule.low) or (rule.high is not None and value > rule.high):
                raise BadRequest(
                    f"{name} is {value}, outside {rule.low} to {rule.high}.", stage="request", remedy=rule.help
                )
        if rule.choices and value not in rule.choices:
            raise BadRequest(
                f"{name} is {value!r}, not one of {', '.join(rule.choices)}.", stage="request", remedy=rule.help
            )
