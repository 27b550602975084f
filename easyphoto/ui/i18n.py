"""The texts of the catalogue in one language, and which one the visitor reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from easyphoto.domain import Option
from easyphoto.errors import messages_of
from easyphoto.locales import LANGUAGES, Message, catalogue, from_json, text


@dataclass(frozen=True)
class Translator:
    """The catalogue in one language."""

    language: str = "en"

    def __call__(self, key: str, **values: Any) -> str:
        """The page's text of that key with `values` filled in. Raises KeyError for an unknown key."""
        return text(f"page.{key}", self.language, **values)

    def text(self, key: str, **params: Any) -> str:
        """Any text of the catalogue by its whole key. Raises KeyError for an unknown key."""
        return text(key, self.language, **params)

    def count(self, key: str, n: int) -> str:
        """The same for a number, with a singular of its own."""
        return self(f"{key}.one") if n == 1 else self(key, n=n)

    def stage(self, stage: str) -> str:
        """A stage of the work in words; an unknown one as it stands."""
        return catalogue(self.language).get(stage_key(stage), stage.capitalize())

    def level(self, score: Mapping[str, Any]) -> str:
        """What a likeness means; one that was stored before levels had keys as it stands."""
        key = f"likeness.{score.get('level')}"
        return text(key, self.language) if key in catalogue("en") else str(score.get("word", ""))

    def message(self, told: Message | Mapping[str, Any] | str) -> str:
        """A message, or one that was stored as JSON; a plain sentence of an older file as it stands."""
        return (told if isinstance(told, Message) else from_json(told)).text(self.language)

    def failure(self, facts: Mapping[str, Any]) -> tuple[str, str]:
        """Problem and remedy of ``EasyPhotoError.as_json()``."""
        problem, remedy = messages_of(facts)
        return problem.text(self.language), remedy.text(self.language)

    def label(self, option: Option) -> str:
        """Of a field."""
        return text(f"{option.key}.label", self.language)

    def help(self, option: Option) -> str:
        """Of a field."""
        return text(f"{option.key}.help", self.language)

    def duration(self, seconds: float) -> str:
        """Rounded, in words."""
        whole = max(0, round(seconds))
        if whole < 60:
            return self("time.s", s=whole)
        if whole < 3600:
            return self("time.m", m=whole // 60, s=whole % 60)
        return self("time.h", h=whole // 3600, m=whole % 3600 // 60)


def stage_key(stage: str) -> str:
    """Where the catalogue has the words of a stage."""
    return f"stages.{stage.replace(' ', '-')}"


def language_of(accept: str, cookie: str = "") -> str:
    """The language for an Accept-Language header, unless the user has chosen one."""
    if cookie in LANGUAGES:
        return cookie
    for part in accept.lower().split(","):
        tag = part.split(";")[0].strip().split("-")[0]
        if tag in LANGUAGES:
            return tag
    return "en"
