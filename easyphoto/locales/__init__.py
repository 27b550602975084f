"""Every sentence a user reads: ``en.json`` and ``zh.json`` hold the same flat keys, texts with named parameters.

Code and data carry a `Message` (key and parameters); it becomes text where it is shown. Keys begin with what they are:
``page.`` widgets and headings, ``options.`` labels and help of request fields, ``stages.`` steps of the journeys,
``errors.CODE.problem`` and ``errors.CODE.remedy``, and one prefix a package for reasons, notes and warnings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

LANGUAGES = {"en": "English", "zh": "中文"}

PLAIN = "plain"
"""Code of a sentence that has no key: ``text`` is its one parameter. Old files hold such sentences."""


@dataclass(frozen=True)
class Message:
    """A sentence before it has a language. Parameters may be messages themselves, or lists of parameters."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __hash__(self) -> int:
        """Of the code alone, since parameters are a dict."""
        return hash(self.code)

    def __str__(self) -> str:
        """In English."""
        return self.text()

    def text(self, language: str = "en") -> str:
        """In one of `LANGUAGES`. Raises KeyError for an unknown code or a missing parameter."""
        return text(self.code, language, **self.params)

    def as_json(self) -> dict[str, Any]:
        """Code, parameters and English text."""
        return {"code": self.code, "params": params_json(self.params), "text": self.text()}


def message(code: str, /, **params: Any) -> Message:
    """A Message with those parameters."""
    return Message(code, params)


def plain(sentence: str) -> Message:
    """A sentence of somebody else, shown as it stands in every language."""
    return Message(PLAIN, {"text": sentence})


def from_json(stored: Any) -> Message:
    """What `Message.as_json` wrote; a plain sentence, and what this version has no text for, stay as they stand."""
    if not isinstance(stored, Mapping):
        return plain(str(stored))
    read = Message(str(stored.get("code", "")), {name: _param(one) for name, one in stored.get("params", {}).items()})
    return read if _complete(read) else plain(str(stored.get("text", "")))


def _param(value: Any) -> Any:
    if isinstance(value, Mapping):
        return from_json(value)
    return [_param(one) for one in value] if isinstance(value, (list, tuple)) else value


def _complete(read: Message) -> bool:
    try:
        read.text()
    except (KeyError, ValueError, TypeError):  # the text has another parameter now, or another format
        return False
    return True


def params_json(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as plain JSON."""
    return {name: _plain_json(value) for name, value in params.items()}


def _plain_json(value: Any) -> Any:
    if isinstance(value, Message):
        return value.as_json()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [_plain_json(one) for one in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Key -> text of one of `LANGUAGES`."""
    file = Path(__file__).with_name(f"{language}.json")
    return MappingProxyType(json.loads(file.read_text(encoding="utf-8")))


def text(code: str, language: str = "en", /, **params: Any) -> str:
    """The text of that key with `params` filled in. Raises KeyError for an unknown key or a missing parameter."""
    return catalogue(language)[code].format(**{name: _shown(value, language) for name, value in params.items()})


def _shown(value: Any, language: str) -> Any:
    """A parameter as it stands in a sentence; numbers stay numbers, since a text may round them."""
    if isinstance(value, Message):
        return value.text(language)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Sequence) and not isinstance(value, str):
        if not value:
            return catalogue(language)["list.none"]
        separator = "sentences.separator" if all(isinstance(one, Message) for one in value) else "list.separator"
        return catalogue(language)[separator].join(str(_shown(one, language)) for one in value)
    return value
