"""How much is borne of a source before the next one is asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """How long a source is borne."""

    timeout: float = 20.0  # seconds without a byte
    slowest: float = 4096.0  # bytes a second over a window
    window: float = 30.0  # seconds
    attempts: int = 4  # in a row that bring less than `worth`, for one source
    worth: int = 65536  # bytes
    pause: float = 1.0  # seconds before the second attempt; doubled for each further one
    longest_pause: float = 30.0
