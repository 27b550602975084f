"""The threads that run jobs: workers for the device, for quick checks and for downloads, and a recorder of events."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from easyphoto.errors import EasyPhotoError, TrainingInterrupted
from easyphoto.jobs import job_files
from easyphoto.jobs.handlers import perform
from easyphoto.jobs.job import Event, Job, Kind, State
from easyphoto.jobs.persistence import Persistence, ResultKeeper
from easyphoto.jobs.removal import QUEUE_LOCK
from easyphoto.jobs.reporter import LogTap, Reporter
from easyphoto.jobs.store import JobStore
from easyphoto.jobs.task import Task
from easyphoto.paths import Paths
from easyphoto.progress import Cancelled, Step
from easyphoto.system_errors import failure_of

if TYPE_CHECKING:
    from PIL import Image

    from easyphoto.studio import Studio

_log = logging.getLogger(__name__)

WORKERS: dict[str, tuple[Kind, ...]] = {
    "device": (Kind.TRAIN, Kind.PORTRAIT, Kind.QUICK),
    "check": (Kind.CHECK,),
    "fetch": (Kind.WEIGHTS,),
}

_TICK = 0.25  # seconds between two visits of the recorder; at most so many events a second reach the disk
_IDLE = 1.0  # seconds after which a worker or an inactive queue looks again


class Workers:
    """Runs what the store holds as long as it has the lock of the data folder."""

    def __init__(self, paths: Paths, studio: Studio, store: JobStore) -> None:
        self._paths, self._studio, self._store = paths, studio, store
        self._likely = (paths.root, Path(tempfile.gettempdir()))
        self._lock = FileLock(paths.jobs / QUEUE_LOCK, mode=0o600, thread_local=False)
        self._changed = threading.Condition()
        self._closing = False
        self._reporters: dict[str, Reporter] = {}  # of running jobs, by id
        self._threads: list[threading.Thread] = []
        self._inside = 0  # threads that have not ended
        self._by_thread: dict[int, Reporter] = {}
        self._tap = LogTap(self._by_thread.get)

    @property
    def active(self) -> bool:
        """Whether jobs run here."""
        return self._lock.is_locked and not self._closing

    def start(self) -> None:
        """Take the lock if it is free, and start the threads."""
        logging.getLogger("easyphoto").addHandler(self._tap)
        self._take_over()
        works = [("recorder", self._record), *((name, self._runner(kinds)) for name, kinds in WORKERS.items())]
        self._inside = len(works)
        for name, work in works:
            thread = threading.Thread(target=self._guarded, args=(work,), name=f"easyphoto-jobs-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def wake(self) -> None:
        """There is something new."""
        with self._changed:
            self._changed.notify_all()

    def wait_for_news(self, seconds: float) -> None:
        """Until `wake`, at most so long."""
        with self._changed:
            self._changed.wait(min(seconds, 0.05) if self._closing else seconds)

    def close(self, timeout: float) -> None:
        """Running jobs are told to stop as INTERRUPTED; a stuck one keeps the lock until it ends."""
        with self._changed:
            self._closing = True
        for reporter in list(self._reporters.values()):
            reporter.stop = State.INTERRUPTED
        self.wake()
        end = time.monotonic() + timeout
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, end - time.monotonic()))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            while not self._closing:
                try:
                    work()
                except Exception:  # nobody is above a thread; a full disk may be emptied again
                    _log.exception("The job queue failed inside and goes on.")
                    self.wait_for_news(_IDLE)
        finally:
            with self._changed:
                self._inside -= 1
                last = self._inside == 0
            if last:
                logging.getLogger("easyphoto").removeHandler(self._tap)
                self._lock.release()
                self._store.close()

    # ------------------------------------------------------------ running

    def _take_over(self) -> None:
        """If nobody runs the jobs, we do; what nobody ended was interrupted."""
        if self._lock.is_locked:
            return
        try:
            self._lock.acquire(blocking=False)
        except Timeout:  # another process runs them
            return
        for job_id in self._store.orphans():
            self._end(job_id, State.INTERRUPTED)

    def _runner(self, kinds: Sequence[Kind]) -> Callable[[], None]:
        def run() -> None:
            while not self._closing:
                job_id = self._store.claim(kinds, time.time()) if self._lock.is_locked else None
                if job_id is None:
                    self.wait_for_news(_IDLE)
                else:
                    self._run(self._store.get(job_id))

        return run

    def _run(self, job: Job) -> None:
        reporter = self._reporters[job.id] = Reporter()
        self._by_thread[threading.get_ident()] = reporter
        if self._closing:
            reporter.stop = State.INTERRUPTED
        self.wake()
        results = ResultKeeper(job.id, self._store, self._likely)
        try:
            state, error = self._outcome(job, reporter, results)
        finally:
            del self._by_thread[threading.get_ident()], self._reporters[job.id]
        persistence = Persistence(self._likely, lambda: self._closing, lambda: self.wait_for_news(_IDLE))
        for write in (
            results.write_rest,
            lambda: self._write(job.id, reporter),
            lambda: self._end(job.id, state, error),
        ):
            persistence.until_written(write)

    def _outcome(self, job: Job, reporter: Reporter, results: ResultKeeper) -> tuple[State, dict[str, Any] | None]:
        own = self._paths.jobs / job.id
        task = Task(
            job.id,
            job.kind,
            job.request,
            job_files.stored(own),
            job.result,
            results.keep,
        )
        try:
            results.keep(perform(task, self._studio, reporter))
        except Cancelled:
            return reporter.stop or State.CANCELLED, None
        except TrainingInterrupted as error:
            return State.INTERRUPTED, error.as_json()
        except Exception as error:  # its owner must hear of it, and the next job must run
            if failure := failure_of(error, self._likely, job.kind.value):
                return State.FAILED, failure.as_json()
            _log.exception("Job %s failed inside.", job.id)
            why = f"{type(error).__name__}: {error}"
            return State.FAILED, EasyPhotoError("internal-with-cause", stage=job.kind.value, why=why).as_json()
        return State.DONE, None

    def _end(self, job_id: str, state: State, error: dict[str, Any] | None = None) -> None:
        kind = self._store.get(job_id).kind
        if state is not State.INTERRUPTED and (kind is not Kind.TRAIN or state is State.DONE):
            job_files.remove_pictures(self._paths.jobs / job_id)
        self._store.end(job_id, state, time.time(), error)
        self.wake()

    # ------------------------------------------------------------ recording

    def _record(self) -> None:
        while not (self._closing and not self._reporters):
            if not self._lock.is_locked:
                self._take_over()
            for job_id in self._store.cancelling() if self._reporters else []:
                if (reporter := self._reporters.get(job_id)) and reporter.stop is None:
                    reporter.stop = State.CANCELLED
            written = [self._write(job_id, reporter) for job_id, reporter in list(self._reporters.items())]
            if any(written):
                self.wake()
            if self._reporters:
                time.sleep(_TICK)
            else:
                self.wait_for_news(_IDLE)

    def _write(self, job_id: str, reporter: Reporter) -> bool:
        """What the job has said since the last visit; says whether that was anything."""
        with reporter.writing:
            news = reporter.take()
            if news:
                last = self._store.get(job_id).last_event
                events = [self._event(job_id, item, last + n) for n, item in enumerate(news, 1)]
                self._store.append(job_id, events)
        return bool(news)

    def _event(self, job_id: str, item: Step | str, number: int) -> Event:
        now = time.time()
        if isinstance(item, str):
            return Event(number, now, State.RUNNING, line=item)
        preview = self._preview(job_id, number, item.preview) if item.preview else None
        facts = (item.stage, int(item.done), int(item.total), item.note)
        figures = {name: float(value) for name, value in item.figures.items() if float(value) == float(value)}
        return Event(number, now, State.RUNNING, *facts, figures, preview)

    def _preview(self, job_id: str, number: int, picture: Image.Image) -> Path | None:
        """The work itself needs no previews: none is kept where there is no room for one."""
        try:
            return job_files.save_preview(self._paths.jobs / job_id, number, picture)
        except OSError as error:
            _log.warning("A preview is not kept: %s", error)
            return None
