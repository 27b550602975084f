"""What is not kept for ever: pictures of unfinished jobs, uploads, folders of crashed requests."""

from __future__ import annotations

import logging
import re
import threading
import time

from easyphoto.jobs import job_files
from easyphoto.jobs.job import JOB_ID, Kind, State
from easyphoto.jobs.store import JobStore
from easyphoto.library.uploads import REQUEST_FOLDERS, remove_expired
from easyphoto.paths import Paths

KEEP_SECONDS = 30 * 86400.0
"""So long an unfinished job keeps its private files."""

ORPHAN_SECONDS = 3600.0
"""So old is a job's folder at least before it counts as lost; a younger one may be just being made."""

EVERY_SECONDS = 3600.0

_log = logging.getLogger(__name__)


class Expiry:
    """Removes what has expired now and every hour, in a thread of its own."""

    def __init__(self, paths: Paths, store: JobStore) -> None:
        self._paths, self._store = paths, store
        self._closed = threading.Event()
        remove_all_expired(paths, store)
        self._thread = threading.Thread(target=self._run, name="easyphoto-expiry", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closed.wait(EVERY_SECONDS):
            try:
                remove_all_expired(self._paths, self._store)
            except Exception:  # the next hour is another try
                _log.exception("Expired files could not be removed.")

    def close(self) -> None:
        """Stop."""
        self._closed.set()
        self._thread.join()


def remove_all_expired(paths: Paths, store: JobStore) -> None:
    """Private files of long forgotten unfinished jobs and of jobs the list has lost; uploads after a day."""
    jobs = store.find(tuple(Kind), tuple(State), limit=1_000_000)
    for job in jobs:
        if job.over and job.ended < time.time() - KEEP_SECONDS:
            job_files.remove_pictures(paths.jobs / job.id)
    known = {job.id for job in jobs}
    for own in paths.jobs.glob("*-*-*"):
        if re.match(JOB_ID, own.name) and own.name not in known and job_files.age(own) > ORPHAN_SECONDS:
            job_files.remove(own)
    remove_expired(paths.uploads, "*")
    remove_expired(paths.drafts, "*")
    for pattern in (REQUEST_FOLDERS, "drafts"):  # drafts: where the page kept its uploads before 0.1.0
        remove_expired(paths.jobs, pattern)
    for pattern in ("gradio/*", "tmp*"):
        remove_expired(paths.temporary, pattern)
