"""One writer at a time, also between processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from easyphoto.errors import Busy


@contextmanager
def write_lock(file: Path, patience: float) -> Iterator[None]:
    """Hold the lock file. Raises Busy when another process or thread still holds it after `patience` seconds."""
    lock = FileLock(file, mode=0o600)
    try:
        lock.acquire(timeout=patience)
    except Timeout as held:
        raise Busy("library.busy", stage="library") from held
    try:
        yield
    finally:
        lock.release()


def is_free(file: Path) -> bool:
    """Whether nobody holds the lock file now, as after the death of the process that did."""
    try:
        with FileLock(file, timeout=0, mode=0o600):
            return True
    except Timeout:
        return False
