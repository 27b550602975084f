"""The SQLite file of the jobs: made, opened, migrated, set aside when it is damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from easyphoto.errors import EasyPhotoError
from easyphoto.private_files import make_private
from easyphoto.sqlite_damage import check_sound, opened, set_entries_aside
from easyphoto.sqlite_privacy import overwrite_deleted

NAME = "jobs.sqlite"
VERSION = 1
_SCHEMA = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, request TEXT NOT NULL, files TEXT NOT NULL,
    position INTEGER NOT NULL, created REAL NOT NULL, started REAL NOT NULL, ended REAL NOT NULL,
    stage TEXT NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL, note TEXT NOT NULL,
    cancelling INTEGER NOT NULL, result TEXT, error TEXT);
CREATE INDEX jobs_by_state ON jobs (state, position);
CREATE TABLE events (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, number INTEGER NOT NULL,
    time REAL NOT NULL, state TEXT NOT NULL, stage TEXT NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL,
    note TEXT NOT NULL, figures TEXT NOT NULL, preview TEXT, line TEXT NOT NULL,
    PRIMARY KEY (job, number)) WITHOUT ROWID;
"""


def open_database(file: Path) -> sqlite3.Connection:
    """With the tables in it; a damaged file is set aside, since a list of old jobs must not keep anybody from work.

    Raises Locked when another program writes it, EasyPhotoError when a newer version of the program wrote it.
    """
    make_private(file.parent.parent)
    make_private(file.parent)
    return opened(file, lambda: _connected(file))


def open_reader(file: Path) -> sqlite3.Connection:
    """A second connection, which cannot write and waits for no writer; only while the file is cleaned it does."""
    database = sqlite3.connect(file, timeout=2.0, isolation_level=None, check_same_thread=False)
    database.row_factory = sqlite3.Row
    database.execute("PRAGMA query_only = ON")
    return database


def _connected(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=10.0, isolation_level=None, check_same_thread=False)
    database.row_factory = sqlite3.Row
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA foreign_keys = ON")
        overwrite_deleted(database)
        check_sound(database)
        _migrate(database)
        _set_unreadable_aside(database, file)
    except BaseException:
        database.close()
        raise
    return database


def _migrate(database: sqlite3.Connection) -> None:
    database.execute("BEGIN IMMEDIATE")  # two processes may open a new file at once
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        if database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise sqlite3.DatabaseError("it has tables, but no version")
        for statement in _SCHEMA.split(";\n"):
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {VERSION}")
    database.execute("COMMIT")
    if version > VERSION:
        raise EasyPhotoError("jobs.newer-version", stage="jobs")


def _set_unreadable_aside(database: sqlite3.Connection, file: Path) -> None:
    """One row that is no JSON must not hide the others."""
    sound = " AND ".join(f"({name} IS NULL OR json_valid({name}))" for name in ("request", "files", "result", "error"))
    set_entries_aside(database, file, "jobs", f"NOT ({sound})")
    set_entries_aside(database, file, "events", "NOT json_valid(figures)")
