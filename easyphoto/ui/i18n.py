"""Speaks the catalogue in one language, and finds out which one the visitor reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from easyphoto.domain import Option
from easyphoto.ui import host_strings
from easyphoto.ui.strings import FIELDS, LANGUAGES, REASONS, STAGES, TEXTS, WORDS


@dataclass(frozen=True)
class Translator:
    """Speaks one language."""

    language: str = "en"

    @property
    def _column(self) -> int:
        return 1 if self.language == "zh" else 0

    def __call__(self, key: str, **values: Any) -> str:
        """The sentence of that key with `values` filled in. Raises KeyError for an unknown key."""
        return TEXTS[key][self._column].format(**values)

    def count(self, key: str, n: int) -> str:
        """The same for a number, with a singular of its own."""
        return self(f"{key}.one") if n == 1 else self(key, n=n)

    def stage(self, stage: str) -> str:
        """A stage of the work in words; an unknown one as it stands."""
        return STAGES[stage][self._column] if stage in STAGES else stage.capitalize()

    def word(self, word: str) -> str:
        """What a likeness means."""
        return WORDS.get(word, word) if self._column else word

    def reason(self, sentence: str) -> str:
        """A sentence from below the doors; one that is not in the catalogue as it stands."""
        if self._column == 0:
            return sentence
        for pattern, chinese in (*REASONS, *host_strings.REASONS):
            if found := re.fullmatch(pattern, sentence):
                return found.expand(chinese)
        return sentence

    def label(self, option: Option) -> str:
        """Of a field."""
        return FIELDS[option.label][0] if self._column else option.label

    def help(self, option: Option) -> str:
        """Of a field."""
        return FIELDS[option.label][1] if self._column else option.help

    def duration(self, seconds: float) -> str:
        """Rounded, in words."""
        whole = max(0, round(seconds))
        if whole < 60:
            return self("time.s", s=whole)
        if whole < 3600:
            return self("time.m", m=whole // 60, s=whole % 60)
        return self("time.h", h=whole // 3600, m=whole % 3600 // 60)


def language_of(accept: str, cookie: str = "") -> str:
    """The language for an Accept-Language header, unless the user has chosen one."""
    if cookie in LANGUAGES:
        return cookie
    for part in accept.lower().split(","):
        tag = part.split(";")[0].strip().split("-")[0]
        if tag in LANGUAGES:
            return tag
    return "en"
