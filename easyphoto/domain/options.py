"""What a form, a schema and a command line need to know of a request's field."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from easyphoto.errors import BadRequest
from easyphoto.locales import Message, text


@dataclass(frozen=True)
class Option:
    """What a form, a schema and a command line need to know of a field.

    Its texts lie in the catalogue under `key`: ``options.train.FIELD``, ``options.portrait.FIELD``.
    """

    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    advanced: bool = True
    key: str = ""  # its texts are KEY.label and KEY.help

    @property
    def label(self) -> str:
        """In English."""
        return text(f"{self.key}.label")

    @property
    def help(self) -> str:
        """In English."""
        return text(f"{self.key}.help")


def option(default: Any, **bounds: Any) -> Any:
    """A dataclass field that carries its `Option`."""
    return field(default=default, metadata={"option": Option(**bounds)})


def options_of(kind: type[Any]) -> dict[str, Option]:
    """Field name -> Option with its key, in order, for every field that has one."""
    prefix = f"options.{kind.__name__.removesuffix('Request').lower()}"
    return {f.name: replace(f.metadata["option"], key=f"{prefix}.{f.name}") for f in fields(kind) if f.metadata}


def check_bounds(request: Any) -> None:
    """Raise BadRequest naming the first field that is outside its bounds or choices."""
    for name, rule in options_of(type(request)).items():
        _check(name, getattr(request, name), rule)


def _check(name: str, value: Any, rule: Option) -> None:
    told = {"stage": "request", "name": name, "value": value, "advice": Message(f"{rule.key}.help")}
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value != value:
            raise BadRequest("field.no-number-typed", stage="request", name=name)
        if (rule.low is not None and value < rule.low) or (rule.high is not None and value > rule.high):
            raise BadRequest("request.out-of-bounds", **told, low=rule.low, high=rule.high)
    if rule.choices and value not in rule.choices:
        raise BadRequest("request.no-choice", **told, choices=list(rule.choices))
