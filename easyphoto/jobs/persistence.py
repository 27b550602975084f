"""Writes that a full disk delays and does not lose: results and ends of jobs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from easyphoto.jobs.store import JobStore
from easyphoto.system_errors import failure_of

_log = logging.getLogger(__name__)


class ResultKeeper:
    """The newest result of a running job. One that cannot be written now is written with the next, or at the end."""

    def __init__(self, job_id: str, store: JobStore, likely: Sequence[Path]) -> None:
        self._job_id, self._store, self._likely = job_id, store, likely
        self._unwritten: dict[str, Any] | None = None

    def keep(self, result: dict[str, Any]) -> None:
        """Try to write it; the job goes on where the system refuses that."""
        self._unwritten = result
        try:
            self.write_rest()
        except Exception as error:
            failure = failure_of(error, self._likely)
            if failure is None:
                raise
            _log.warning("A result cannot be written yet: %s", failure)

    def write_rest(self) -> None:
        """Write what could not be written. Raises EasyPhotoError."""
        if self._unwritten is not None:
            self._store.keep_result(self._job_id, self._unwritten)
            self._unwritten = None


@dataclass(frozen=True)
class Persistence:
    """Repeats a write until the system takes it."""

    likely: Sequence[Path]
    closing: Callable[[], bool]
    wait: Callable[[], None]

    def until_written(self, write: Callable[[], object]) -> None:
        """Raises what `write` raises once the program closes, and what is no refusal of the system at once."""
        while True:
            try:
                write()
            except Exception as error:
                failure = failure_of(error, self.likely)
                if failure is None or self.closing():
                    raise
                _log.warning("The end of a job cannot be written yet: %s", failure)
                self.wait()
            else:
                return
