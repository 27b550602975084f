"""What running work reports to: it costs the worker next to nothing, whoever is watching."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from easyphoto.jobs.job import State
from easyphoto.progress import Cancelled, Step

MOST_WAITING = 64


class Reporter:
    """A Progress that only notes; somebody else takes the notes to disk a few times a second.

    Steps of one stage that nobody has taken yet become one: the last, with the newest of every
    figure. Changes of stage and pictures are kept apart. A step that says what the one before it
    said is no news.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Step | str] = []
        self._newest: Step | None = None
        self.stop: State | None = None  # what the job becomes when it shall end
        self.writing = threading.Lock()  # held while notes go to disk, so that they stay in order

    def __call__(self, step: Step) -> None:
        """Raises Cancelled once `stop` is set."""
        if self.stop is not None:
            raise Cancelled
        with self._lock:
            if step == self._newest:  # work that waits repeats itself, so that it can be stopped
                return
            self._newest = step
            last = self._waiting[-1] if self._waiting else None
            if isinstance(last, Step) and self._join(last, step):
                self._waiting[-1] = _joined(last, step)
            else:
                self._waiting.append(step)

    def _join(self, last: Step, step: Step) -> bool:
        if len(self._waiting) >= MOST_WAITING:
            return True
        return last.stage == step.stage and (last.preview is None or step.preview is None)

    def say(self, line: str) -> None:
        """A line for the log."""
        with self._lock:
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append(line)

    def take(self) -> list[Step | str]:
        """What came since the last time."""
        with self._lock:
            taken, self._waiting = self._waiting, []
        return taken


def _joined(last: Step, step: Step) -> Step:
    return replace(step, figures={**last.figures, **step.figures}, preview=step.preview or last.preview)


class LogTap(logging.Handler):
    """Takes what our own loggers say in a job's thread to that job's reporter."""

    def __init__(self, reporter_of: Callable[[int], Reporter | None]) -> None:
        super().__init__(logging.INFO)
        self._reporter_of = reporter_of

    def emit(self, record: logging.LogRecord) -> None:
        """As one line."""
        reporter = self._reporter_of(record.thread or 0)
        if reporter is not None:
            reporter.say(f"{record.levelname.lower()}: {record.getMessage()}")
