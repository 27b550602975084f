"""An SQLite file that is damaged is set aside under a dated name; the program starts with an empty one and says so."""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from easyphoto import disk_reserve
from easyphoto.errors import NoStorage
from easyphoto.locales import Message, message
from easyphoto.system_errors import refusal_of

_log = logging.getLogger(__name__)
_Opened = TypeVar("_Opened")

_ENTRIES, _SEEN = "entries-", ".seen"
_NAME = re.compile(rf"\w+\.sqlite\.damaged-({_ENTRIES})?(\d{{8}})-\d{{6}}")


@dataclass(frozen=True)
class SetAside:
    """A damaged list of jobs or pictures, or damaged entries of one, that was set aside."""

    file: Path
    date: str  # YYYY-MM-DD
    entries: bool  # only some entries; the list itself is in use

    @property
    def told(self) -> Message:
        """What happened."""
        code = "damage.entries" if self.entries else "damage.list"
        return message(code, name=self.file.name, date=self.date)

    @property
    def todo(self) -> Message:
        """What can be done about it."""
        return message("damage.delete", name=self.file.name)


def opened(file: Path, open_file: Callable[[], _Opened]) -> _Opened:
    """What `open_file` gives; a damaged file is set aside before, on a full disk the room that is kept for it is used.

    Raises EasyPhotoError where waiting helps.
    """
    try:
        found = _opened(file, open_file)
    except NoStorage:
        if not disk_reserve.give_up(file.parent):
            raise
        return _opened(file, open_file)
    disk_reserve.keep(file.parent)
    return found


def _opened(file: Path, open_file: Callable[[], _Opened]) -> _Opened:
    try:
        return open_file()
    except sqlite3.DatabaseError as error:
        if not _is_damage(error, file):
            raise refusal_of(error, [file]) or error from error
        set_aside(file)
        return open_file()


def check_sound(database: sqlite3.Connection) -> None:
    """Raises sqlite3.DatabaseError when a page is damaged, also behind a sound header."""
    (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def _is_damage(error: sqlite3.DatabaseError, file: Path) -> bool:
    """Whether waiting will not help: OperationalErrors are locks and the system's refusals, but for a folder there."""
    return file.is_dir() or not isinstance(error, sqlite3.OperationalError)


def set_aside(file: Path) -> Path:
    """The file's new name, which is also logged; its write-ahead log is deleted."""
    aside = _dated(file, "")
    file.replace(aside)
    for tail in ("-wal", "-shm"):
        file.with_name(file.name + tail).unlink(missing_ok=True)
    _log.warning("%s was damaged. It was set aside as %s, and an empty one was made.", file.name, aside.name)
    return aside


def set_entries_aside(database: sqlite3.Connection, file: Path, table: str, damaged: str) -> None:
    """Move the rows of `table` for which the expression `damaged` holds into a file of their own."""
    if not database.execute(f"SELECT count(*) FROM {table} WHERE {damaged}").fetchone()[0]:
        return
    aside = _dated(file, _ENTRIES)
    database.execute("ATTACH ? AS aside", (str(aside),))
    database.execute(f"CREATE TABLE IF NOT EXISTS aside.{table} AS SELECT * FROM {table} WHERE {damaged}")
    count = database.execute(f"DELETE FROM {table} WHERE {damaged}").rowcount
    database.execute("DETACH aside")
    _log.warning("%d damaged entries of %s were set aside as %s.", count, file.name, aside.name)


def _dated(file: Path, what: str) -> Path:
    return file.with_name(f"{file.name}.damaged-{what}{time.strftime('%Y%m%d-%H%M%S')}")


def all_set_aside(folder: Path) -> list[SetAside]:
    """What lies there, the oldest first."""
    found = ((file, _NAME.fullmatch(file.name)) for file in sorted(folder.glob("*.sqlite.damaged-*")))
    return [
        SetAside(file, f"{name[2][:4]}-{name[2][4:6]}-{name[2][6:]}", bool(name[1])) for file, name in found if name
    ]


def not_dismissed(folder: Path) -> Sequence[SetAside]:
    """Those of which nobody has said that they have read it."""
    return [one for one in all_set_aside(folder) if not _mark(one).exists()]


def dismiss(folder: Path) -> None:
    """They have been read of."""
    for one in not_dismissed(folder):
        _mark(one).touch(mode=0o600)


def _mark(one: SetAside) -> Path:
    return one.file.with_name(one.file.name + _SEEN)
