"""How the trainer fails: codes with parameters, never sentences."""

from __future__ import annotations

from typing import Any


class TrainerError(Exception):
    """A failure as a code with parameters of plain JSON; the reader of the events has the words for it."""

    def __init__(self, code: str, /, **params: Any) -> None:
        told = ", ".join(f"{name}={value}" for name, value in params.items())
        super().__init__(f"{code}: {told}" if told else code)
        self.code = code
        self.params = params


class BadConfig(TrainerError, ValueError):
    """The JSON is not a TrainConfig of this version."""
