"""What was recorded of the host: callables that take its arguments only, objects with its attributes only."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

_KINDS = inspect.Parameter


def signature(names: Sequence[str]) -> inspect.Signature:
    """Of a recorded list: `x`, `x=` with a default, `*rest`, `*`, `**more`."""
    found, kind = [], _KINDS.POSITIONAL_OR_KEYWORD
    for name in names:
        if name.startswith("**"):
            found.append(_KINDS(name[2:], _KINDS.VAR_KEYWORD))
        elif name.startswith("*"):
            kind = _KINDS.KEYWORD_ONLY
            if len(name) > 1:
                found.append(_KINDS(name[1:], _KINDS.VAR_POSITIONAL))
        else:
            found.append(_KINDS(name.rstrip("="), kind, default=None if name.endswith("=") else _KINDS.empty))
    return inspect.Signature(found)


def strict(names: Sequence[str], work: Callable[..., Any]) -> Callable[..., Any]:
    """`work`, but only for arguments that fit the recorded signature."""
    known = signature(names)

    def call(*args: Any, **kwargs: Any) -> Any:
        known.bind(*args, **kwargs)
        return work(*args, **kwargs)

    return call


def names_only(recorded: Sequence[str], **values: Any) -> SimpleNamespace:
    """An object of the host's with exactly the attributes we use, all of which were recorded."""
    assert set(values) <= set(recorded), set(values) - set(recorded)
    return SimpleNamespace(**values)


def module_of(name: str, recorded: Sequence[str], **values: Any) -> ModuleType:
    """A module with `values`, every one of which was recorded there."""
    assert set(values) <= set(recorded), set(values) - set(recorded)
    module = ModuleType(name)
    for key, value in values.items():
        setattr(module, key, value)
    return module
