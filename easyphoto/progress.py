"""Progress of long work, and how it is cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from PIL import Image

from easyphoto.locales import Message
from easyphoto.stages import Stage


@dataclass(frozen=True)
class Step:
    """One report of progress: `done` of `total` units of `stage` are behind us."""

    stage: Stage
    done: int
    total: int
    note: Message | str = ""  # a name stands as it is
    figures: dict[str, float] = field(default_factory=dict)  # e.g. loss, distance
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


@dataclass
class Clock:
    """Seconds spent per stage; the same stage timed twice adds up."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def time(self, stage: Stage) -> Iterator[None]:
        """Times the block, also when it raises."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage.value] = self.seconds.get(stage.value, 0.0) + time.perf_counter() - start
