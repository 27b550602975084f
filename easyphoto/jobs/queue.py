"""The queue: takes jobs, runs them one after the other, tells everybody how they stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from easyphoto.domain import PortraitRequest, TrainRequest
from easyphoto.jobs.job import CheckRequest, Event, Job, JobFile, Kind, State
from easyphoto.paths import Paths

if TYPE_CHECKING:
    from easyphoto.studio import Studio

Request = TrainRequest | PortraitRequest | CheckRequest


class Queue:
    """Jobs of one data folder. Training and portraits share one lane, photo checks have their own.

    Only one Queue on a data folder runs jobs (`active`); others, in this process or another, may
    submit and watch, and take over when the active one closes or dies. Every method may be called
    from any thread.
    """

    def __init__(self, paths: Paths, studio: Studio) -> None:
        raise NotImplementedError

    @property
    def active(self) -> bool:
        """Whether this queue is the one that runs the jobs."""
        raise NotImplementedError

    def submit(self, kind: Kind, request: Request, files: Sequence[JobFile] = ()) -> Job:
        """Put a job at the end of the line; its files are copied before this returns.

        Results: CHECK {"reports": [PhotoReport]}; TRAIN {"person": id, "name", "reports", "losses": [[step, loss]],
        "likeness_by_step": {step: L2}, "votes": {step: share}, "seconds", "warnings"};
        PORTRAIT {"portraits": [{"file", "template", "likeness": [FaceScore], "seed", "infotext", "notes",
        "seconds"}], "failures": [error]}; "file" is relative to the data folder (`Paths.root`).
        A portrait job that is cancelled or fails still has the finished portraits in its result.
        Raises BadRequest when the request is not of the kind or there are no files; Busy when the line is too long.
        """
        raise NotImplementedError

    def get(self, job_id: str) -> Job:
        """A snapshot. Raises NotFound."""
        raise NotImplementedError

    def list(self, kind: Kind | None = None, states: Sequence[State] = (), limit: int = 100) -> list[Job]:
        """Newest first."""
        raise NotImplementedError

    def cancel(self, job_id: str) -> Job:
        """Ask it to stop: a queued one is cancelled at once, a running one at its next sign of life.

        An ended one is left as it is. Raises NotFound.
        """
        raise NotImplementedError

    def resume(self, job_id: str) -> Job:
        """Queue it again under the same id; a training goes on from its last checkpoint.

        Raises NotFound; BadRequest when it is not `resumable`.
        """
        raise NotImplementedError

    def delete(self, job_id: str, with_results: bool = False) -> None:
        """Forget it and remove its private files; `with_results` also removes its portraits.

        Raises NotFound; Busy while it runs.
        """
        raise NotImplementedError

    def events(self, job_id: str, since: int = 0, limit: int = 1000) -> list[Event]:
        """Those numbered above `since`, oldest first, at once. Raises NotFound."""
        raise NotImplementedError

    def watch(self, job_id: str, since: int = 0, timeout: float | None = None) -> Iterator[Event]:
        """Events as they come, until the job is over or nothing came for `timeout` seconds. Raises NotFound."""
        raise NotImplementedError

    def log(self, job_id: str) -> str:
        """Everything said so far as text, one line an event, for download. Raises NotFound."""
        raise NotImplementedError

    def close(self, timeout: float = 5.0) -> None:
        """Stop: a running job becomes INTERRUPTED, waiting ones stay queued for the next start."""
        raise NotImplementedError
