"""The SQLite file of the jobs: made, opened, migrated, set aside when it is damaged."""

from __future__ import annotations

import sqlite3
from enum import Enum
from pathlib import Path

from easyphoto.errors import EasyPhotoError
from easyphoto.jobs.job import Kind, State
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
    _read_as_rows(database)
    database.execute("PRAGMA query_only = ON")
    return database


def _read_as_rows(database: sqlite3.Connection) -> None:
    """A damaged letter in a text is no reason to refuse the row."""
    database.row_factory = sqlite3.Row
    database.text_factory = lambda data: data.decode("utf-8", "replace")


def _connected(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=10.0, isolation_level=None, check_same_thread=False)
    _read_as_rows(database)
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
    """A row that cannot be read must not hide the others."""
    for table, sound in _SOUND.items():
        set_entries_aside(database, file, table, f"NOT ({' AND '.join(sound)})")


def _each(rule: str, *names: str) -> list[str]:
    return [f"({rule.format(name)})" for name in names]


def _one_of(name: str, kinds: type[Enum]) -> str:
    known = ", ".join(f"'{kind.value}'" for kind in kinds)
    return f"{name} IN ({known})"


_JSON, _NUMBER = "{0} IS NULL OR json_valid({0})", "typeof({}) IN ('integer', 'real')"
_SOUND = {  # what holds for every row that can be read
    "jobs": [
        *(_one_of("kind", Kind), _one_of("state", State)),
        *_each(_JSON, "request", "files", "result", "error"),
        *_each(_NUMBER, "position", "created", "started", "ended", "done", "total"),
        *_each("typeof({}) = 'text'", "stage", "note"),
    ],
    "events": [
        *(_one_of("state", State), "json_valid(figures)"),
        *_each(_NUMBER, "number", "time", "done", "total"),
        *_each("typeof({}) = 'text'", "stage", "note", "line"),
    ],
}
