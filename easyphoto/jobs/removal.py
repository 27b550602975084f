"""The jobs of one person: found, stopped, deleted with everything they have left.

Works on the data folder, whichever process runs its jobs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from easyphoto.errors import Busy
from easyphoto.jobs import job_files
from easyphoto.jobs.job import Job, Kind, State, trained_person
from easyphoto.jobs.store import JobStore
from easyphoto.library.filesystem import Deleted, delete_tree
from easyphoto.library.lock import is_free
from easyphoto.paths import Paths

QUEUE_LOCK = "queue.lock"
"""Held by the process that runs the jobs."""

_NAMELESS = (Kind.CHECK, Kind.QUICK)  # of photos alone: only these tell whose they are
_ALL = 1_000_000
_POLL = 0.1  # seconds


def jobs_of(person: str, store: JobStore) -> list[Job]:
    """Every training and portrait job of that person's id; checks and quick portraits of photos they are made of."""
    jobs = store.find(tuple(Kind), tuple(State), _ALL)
    theirs = [job for job in jobs if _is_of(job, person)]
    photos = photos_of(theirs, store)
    nameless = [job for job in jobs if job.kind in _NAMELESS and photos & photos_of([job], store)]
    return theirs + nameless


def _is_of(job: Job, person: str) -> bool:
    if job.kind is Kind.TRAIN:
        return trained_person(job) == person
    return job.kind is Kind.PORTRAIT and person in job.request.get("persons", ())


def photos_of(jobs: Sequence[Job], store: JobStore) -> frozenset[str]:
    """SHA-256 of all photos the jobs were given; templates are none."""
    given = [job_files.digests(store.folder / job.id) for job in jobs if job.kind is not Kind.PORTRAIT]
    return frozenset().union(*given)


def stop(jobs: Sequence[Job], store: JobStore, patience: float) -> None:
    """Cancel them and wait until they have ended. Raises Busy when one has not after `patience` seconds."""
    for job in jobs:
        store.ask_to_cancel(job.id, time.time())
    end = time.monotonic() + patience
    while running := [job for job in jobs if not store.get(job.id).over]:
        if is_free(store.folder / QUEUE_LOCK):  # who ran them has died: nobody will ever end them
            for job in running:
                store.end(job.id, State.INTERRUPTED, time.time())
        elif time.monotonic() >= end:
            raise Busy("jobs.person-busy", stage="delete")
        else:
            time.sleep(_POLL)


def remove(jobs: Sequence[Job], store: JobStore, paths: Paths) -> Deleted:
    """Their rows, pictures, previews and portraits; all must have ended."""
    folders = [place / job.id for job in jobs for place in (paths.jobs, paths.portraits)]
    deleted = delete_tree(folder for folder in folders if folder.exists())
    for job in jobs:
        store.delete(job.id)
    return deleted
