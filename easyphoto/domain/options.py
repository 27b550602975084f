"""What a form, a schema and a command line need to know of a request's field."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from easyphoto.errors import BadRequest
from easyphoto.locales import Message, catalogue


@dataclass(frozen=True)
class Option:
    """What a form, a schema and a command line need to know of a field; label and help in English.

    The texts lie in the catalogue under ``options.train.FIELD`` and ``options.portrait.FIELD``.
    """

    label: str = ""
    help: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    advanced: bool = True
    key: str = ""  # ``options.train.rank``; its texts are KEY.label and KEY.help


def option(default: Any, label: str = "", help: str = "", **bounds: Any) -> Any:
    """A dataclass field that carries its `Option`."""
    return field(default=default, metadata={"option": Option(label, help, **bounds)})


def options_of(kind: type[Any]) -> dict[str, Option]:
    """Field name -> Option with its texts, in order, for every field that has one."""
    prefix = f"options.{kind.__name__.removesuffix('Request').lower()}"
    return {f.name: _with_texts(f.metadata["option"], f"{prefix}.{f.name}") for f in fields(kind) if f.metadata}


def _with_texts(rule: Option, key: str) -> Option:
    english = catalogue("en")
    if f"{key}.label" not in english:  # transition: a field whose words still stand in the code
        return rule
    return replace(rule, key=key, label=english[f"{key}.label"], help=english[f"{key}.help"])


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
