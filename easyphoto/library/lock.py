"""One writer at a time, also between processes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from easyphoto.errors import Busy
from easyphoto.locks import FileLock


@contextmanager
def write_lock(file: Path, patience: float) -> Iterator[None]:
    """Hold the lock file. Raises Busy when another process or thread still holds it after `patience` seconds."""
    lock, deadline = FileLock(file), time.monotonic() + patience
    while not lock.seize():
        if time.monotonic() >= deadline:
            raise Busy("Another process is writing persons.", stage="library", remedy="Try again.")
        time.sleep(0.05)
    try:
        yield
    finally:
        lock.release()
