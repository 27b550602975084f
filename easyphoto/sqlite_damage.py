"""An SQLite file that is damaged is set aside under a dated name, so that the program starts with an empty one."""

from __future__ import annotations

import logging
import sqlite3
import time
from pathlib import Path

_log = logging.getLogger(__name__)


def check_sound(database: sqlite3.Connection) -> None:
    """Raises sqlite3.DatabaseError when a page is damaged, also behind a sound header."""
    (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def is_damage(error: sqlite3.DatabaseError, file: Path) -> bool:
    """Whether waiting will not help: OperationalErrors are locks and the system's refusals, but for a folder there."""
    return file.is_dir() or not isinstance(error, sqlite3.OperationalError)


def set_aside(file: Path) -> Path:
    """The file's new name, which is also logged; its write-ahead log is deleted."""
    aside = file.with_name(f"{file.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    file.replace(aside)
    for tail in ("-wal", "-shm"):
        file.with_name(file.name + tail).unlink(missing_ok=True)
    _log.warning("%s was damaged. It was set aside as %s, and an empty one was made.", file.name, aside.name)
    return aside
