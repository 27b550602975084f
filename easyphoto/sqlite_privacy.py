"""What is deleted from an SQLite file is gone from it: no free page and no log keeps it."""

from __future__ import annotations

import sqlite3
import time

PATIENCE = 5.0
"""Seconds for readers of other processes to end their transaction."""


def overwrite_deleted(database: sqlite3.Connection) -> None:
    """From now on deleted content of this connection is overwritten with zeros. Call it after connecting."""
    database.execute("PRAGMA secure_delete = ON")


def erase_deleted_rows(database: sqlite3.Connection) -> None:
    """Rewrite the file without free pages, and empty its write-ahead log; outside a transaction.

    Free pages may come from times before `overwrite_deleted`. Raises sqlite3.OperationalError when another process
    reads on for longer than PATIENCE.
    """
    database.execute("VACUUM")
    end = time.monotonic() + PATIENCE
    while database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() >= end:
            raise sqlite3.OperationalError("the write-ahead log is in use")
        time.sleep(0.05)
