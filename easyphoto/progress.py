"""How long work tells the outside where it is, and how the outside stops it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image


@dataclass(frozen=True)
class Step:
    """One sign of life: `done` of `total` units of `stage` are behind us."""

    stage: str
    done: int
    total: int
    note: str = ""
    figures: dict[str, float] = field(default_factory=dict)  # e.g. loss, likeness
    preview: Image.Image | None = None

    @property
    def fraction(self) -> float:
        """0..1."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0


Progress = Callable[[Step], None]
"""Called once a step. It may raise `Cancelled`, which ends the work."""


class Cancelled(Exception):
    """The user has stopped the work; raised from a Progress callable."""


def silent(step: Step) -> None:
    """A Progress that says nothing."""
