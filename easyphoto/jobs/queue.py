"""The queue: takes jobs, runs them one after the other, and answers how they stand."""

from __future__ import annotations

import logging
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from easyphoto.domain import PortraitRequest, QuickRequest
from easyphoto.errors import BadRequest, Busy
from easyphoto.jobs import job_files
from easyphoto.jobs.expiry import Expiry
from easyphoto.jobs.finished_portraits import FinishedPortraits
from easyphoto.jobs.job import (
    ROLES,
    Event,
    Job,
    JobFile,
    Kind,
    PictureRole,
    State,
    WeightsRequest,
    checked_id,
    trained_person,
)
from easyphoto.jobs.requests import REQUESTS, Request, check_consent
from easyphoto.jobs.store import JobStore
from easyphoto.jobs.workers import WORKERS, Workers
from easyphoto.paths import Paths
from easyphoto.printable import printable
from easyphoto.training.working_folder import owned

if TYPE_CHECKING:
    from easyphoto.studio import Studio

_log = logging.getLogger(__name__)

MOST_WAITING = 100
"""Jobs that wait."""

MOST_FILES = 500
"""Pictures of one job."""

_POLL = 0.5  # seconds; how late an event of another process is seen


def _not_needed(request: Request) -> set[PictureRole]:
    """Pictures that a job of its kind can do without."""
    portrait = request.portrait if isinstance(request, QuickRequest) else request
    return {PictureRole.TEMPLATE} if isinstance(portrait, PortraitRequest) and portrait.from_text else set()


class JobQueue:
    """Jobs of one data folder. Training and portraits share one worker, photo checks and downloads have their own.

    Only one Queue on a data folder runs jobs (`active`); others, in this process or another, may
    submit and watch, and take over when the active one closes or dies. Every method may be called
    from any thread.
    """

    def __init__(self, paths: Paths, studio: Studio) -> None:
        self._paths = paths
        self._store = JobStore(paths.jobs)
        self._workers = Workers(paths, studio, self._store)
        self._studio = studio
        self.portraits = FinishedPortraits(paths, self._store)
        self._expiry = Expiry(paths, self._store)
        self._workers.start()

    @property
    def active(self) -> bool:
        """Whether this queue is the one that runs the jobs."""
        return self._workers.active

    # ------------------------------------------------------------ a job's life

    def submit(self, kind: Kind, request: Request, files: Sequence[JobFile] = ()) -> Job:
        """Put a job at the end of the queue; its files are copied before this returns.

        Results: CHECK {"reports": [PhotoReport]}; TRAIN {"person": id, "name", "reports", "losses": [[step, loss]],
        "distance_by_step": {step: L2}, "votes": {step: share}, "seconds", "warnings"};
        PORTRAIT {"portraits": [{"file", "template", "likeness": [FaceScore with its Quality], "seed", "infotext",
        "notes", "seconds"}], "failures": [error]}; "file" is relative to the data folder (`Paths.root`), "favorite" is
        true for those the user likes, and "removed" counts those the user has deleted.
        WEIGHTS {"files": [ids that came], "notes": [Message]}.
        QUICK the same with {"reports": [PhotoReport], "warnings": [Message]}, whose faces' "person" is nobody's id.
        A portrait job that is cancelled or fails still has the finished portraits in its result.
        Raises BadRequest when the request is not of the kind, the person shown has not agreed, or the pictures are
        not those that the kind needs (`ROLES`); Busy when the queue is full.
        """
        kind = Kind(kind)
        self._check(kind, request, files)
        job = Job(_new_id(), kind, State.QUEUED, asdict(request), tuple(f.name for f in files), time.time())
        job_files.store(self._paths.jobs / job.id, files)
        try:
            self._store.add(job)
        except BaseException:
            job_files.remove(self._paths.jobs / job.id)
            raise
        self._workers.wake()
        return self.get(job.id)

    def _check(self, kind: Kind, request: Request, files: Sequence[JobFile]) -> None:
        if not isinstance(request, REQUESTS[kind]):
            raise BadRequest("jobs.other-request", stage="request", kind=kind.value, request=REQUESTS[kind].__name__)
        check_consent(request)
        if isinstance(request, WeightsRequest):
            self._studio.weights.check(request.names)
        else:
            self._studio.toolboxes.check(request.faces)
        goes_on = not files and getattr(request, "continue_from", False)
        given, needed = {file.role or ROLES[kind][0] for file in files}, set(ROLES[kind])
        if not goes_on and not needed - _not_needed(request) <= given <= needed:
            raise BadRequest("jobs.no-picture", stage="request")
        if len(files) > MOST_FILES:
            raise BadRequest("jobs.too-many-pictures", stage="request", count=len(files), most=MOST_FILES)
        if wrong := [f.override for f in files if f.override not in ("", "keep", "drop")]:
            raise BadRequest("jobs.unknown-verdict", stage="request", verdict=wrong[0])
        if len(self._store.waiting()) >= MOST_WAITING:
            raise Busy("jobs.queue-full", stage="request", count=MOST_WAITING)

    def cancel(self, job_id: str) -> Job:
        """Ask it to stop: a queued one is cancelled at once, a running one at its next report of progress.

        An ended one is left as it is. Raises NotFound.
        """
        job = self.get(job_id)
        if self._store.ask_to_cancel(job_id, time.time()) and job.kind is not Kind.TRAIN:
            job_files.remove_pictures(self._paths.jobs / job_id)
        self._workers.wake()
        return self.get(job_id)

    def resume(self, job_id: str) -> Job:
        """Queue it again under the same id; a training goes on from its last checkpoint.

        Raises NotFound; BadRequest when it is not `resumable`.
        """
        job = self.get(job_id)
        if not job.resumable:
            raise BadRequest("jobs.not-resumable", stage="jobs", kind=job.kind.value, state=job.state.value)
        self._store.requeue(job_id, time.time())
        self._workers.wake()
        return self.get(job_id)

    def delete(self, job_id: str, with_results: bool = False) -> None:
        """Forget it and remove its private files; `with_results` also removes its portraits.

        Raises NotFound; Busy while it runs.
        """
        job = self.cancel(job_id)
        if not job.over:
            raise Busy("jobs.still-running", stage="jobs")
        self._store.delete(job_id)
        job_files.remove(self._paths.jobs / job_id)
        if with_results:
            shutil.rmtree(self._paths.portraits / job_id, ignore_errors=True)
        if job.kind is Kind.TRAIN:
            self._remove_working_folder(job)

    def _remove_working_folder(self, job: Job) -> None:
        """What an unfinished training has left of the photos, unless another job goes on with it."""
        person = trained_person(job)
        others = self.list(Kind.TRAIN, tuple(set(State) - {State.DONE}), limit=MOST_WAITING)
        if person and not any(trained_person(other) == person for other in others):
            with suppress(Busy), owned(person, self._paths) as folder:  # busy: the command line trains them now
                shutil.rmtree(folder, ignore_errors=True)

    # ------------------------------------------------------------ watching

    def get(self, job_id: str) -> Job:
        """A snapshot. Raises NotFound."""
        return self._placed([self._store.get(checked_id(job_id))])[0]

    def list(self, kind: Kind | None = None, states: Sequence[State] = (), limit: int = 100) -> Sequence[Job]:
        """Newest first."""
        return self._placed(self._store.find((kind,) if kind else tuple(Kind), states or tuple(State), limit))

    def _placed(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """With `place` and `resumable`, which are no columns."""
        waiting = self._store.waiting() if any(job.state is State.QUEUED for job in jobs) else []
        return [replace(job, place=_queue_position(job, waiting), resumable=self._resumable(job)) for job in jobs]

    def _resumable(self, job: Job) -> bool:
        stopped = job.state is State.INTERRUPTED or (
            job.kind is Kind.TRAIN and job.state in (State.FAILED, State.CANCELLED)
        )
        return stopped and job_files.has_pictures(self._paths.jobs / job.id)

    def version(self) -> int:
        """A number that differs after every change to any job; quick to ask for."""
        return self._store.version()

    def events(self, job_id: str, since: int = 0, limit: int = 1000) -> Sequence[Event]:
        """Those numbered above `since`, oldest first, at once. Raises NotFound."""
        found = self._store.events(checked_id(job_id), since, limit)
        if not found:
            self._store.get(job_id)
        return found

    def watch(self, job_id: str, since: int = 0, timeout: float | None = None) -> Iterator[Event]:
        """Events as they come, until the job is over or nothing came for `timeout` seconds. Raises NotFound."""
        latest = time.monotonic()
        while True:
            over = self._store.get(checked_id(job_id)).over  # asked first, so that no event is missed
            for event in (news := self._store.events(job_id, since, 1000)):
                since = event.number
                yield event
            if news:
                latest = time.monotonic()
            elif over or (timeout is not None and time.monotonic() - latest >= timeout):
                return
            else:
                self._workers.wait_for_news(_POLL if timeout is None else min(_POLL, timeout))

    def log(self, job_id: str) -> str:
        """Everything said so far as text, one line an event, for download. Raises NotFound."""
        return "".join(f"{printable(_spoken(event))}\n" for event in self.events(job_id, limit=1_000_000))

    def close(self, timeout: float = 5.0) -> None:
        """Stop: a running job becomes INTERRUPTED, waiting ones stay queued for the next start."""
        self._expiry.close()
        self._workers.close(timeout)


def _new_id() -> str:
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"


def _queue_position(job: Job, waiting_jobs: Sequence[tuple[str, Kind]]) -> int:
    kinds_there = next(kinds for kinds in WORKERS.values() if job.kind in kinds)
    before = [waiting for waiting, kind in waiting_jobs if kind in kinds_there]
    return before.index(job.id) + 1 if job.id in before else 0


def _spoken(event: Event) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(event.time))
    if event.line or not event.stage:
        return f"{when} {event.line or event.state.value}"
    figures = [f"{name} {value:.5g}" for name, value in event.figures.items()]
    return " ".join([when, event.stage, f"{event.done}/{event.total}", *filter(None, [str(event.note), *figures])])
