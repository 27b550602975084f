"""One writer at a time, also between processes. The system frees the lock of a process that died: none goes stale."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from easyphoto.errors import Busy


@contextmanager
def one_writer(file: Path, patience: float) -> Iterator[None]:
    """Hold the lock file. Raises Busy when another process or thread still holds it after `patience` seconds."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait_for(handle, time.monotonic() + patience)
        yield
    finally:
        os.close(handle)  # closing frees the lock


def _wait_for(handle: int, deadline: float) -> None:
    """Try until the deadline, at least once."""
    while True:
        try:
            return _seize(handle)
        except OSError as error:
            if time.monotonic() >= deadline:
                raise Busy("Another process is writing persons.", stage="library", mend="Try again.") from error
        time.sleep(0.05)


if sys.platform == "win32":
    import msvcrt

    def _seize(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _seize(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
