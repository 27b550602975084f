"""How far a fetch is, how fast, and how long it will take: for a Progress."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from easyphoto.locales import Message
from easyphoto.progress import Progress, Step
from easyphoto.stages import Stage

_SAID_EVERY = 0.1  # seconds
_WINDOW = 5.0  # seconds of which the speed is the mean


class Meter:
    """Adds up the files of one piece of work. `done` and `total` of its steps are megabytes of 10^6 bytes."""

    def __init__(self, stage: Stage, total: int, report: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        self._stage, self._total, self._report, self._clock = stage, total, report, clock
        self._before, self._here, self._came = 0, 0, 0
        self._note: Message | str = ""
        self._said = float("-inf")
        self._points: deque[tuple[float, int]] = deque()

    def begin(self, note: Message | str) -> None:
        """The next file."""
        self._before, self._here, self._note = self._before + self._here, 0, note
        self._say()

    def at(self, size: int) -> None:
        """So many bytes of this file are there. Raises what the Progress raises, within a moment of being asked to."""
        self._came += max(0, size - self._here) if self._here else 0  # what was there at the start did not just come
        self._here = size
        if self._clock() - self._said >= _SAID_EVERY:
            self._say()

    def _say(self) -> None:
        self._said = self._clock()
        done, total = self._before + self._here, max(self._total, self._before + self._here)
        figures = {"speed": speed / 1e6, "left": (total - done) / speed} if (speed := self._speed()) else {}
        self._report(Step(self._stage, round(done / 1e6), max(1, round(total / 1e6)), self._note, figures))

    def _speed(self) -> float:
        """Bytes a second over the last seconds; 0 before there is anything to divide."""
        now = self._clock()
        self._points.append((now, self._came))
        while now - self._points[0][0] > _WINDOW:
            self._points.popleft()
        then, came = self._points[0]
        return (self._came - came) / (now - then) if now > then else 0.0
