"""Pictures by token: a caller never names a file, and never learns where one lies."""

from __future__ import annotations

import re
import secrets
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

from easyphoto.errors import Busy, NotFound
from easyphoto.paths import Paths
from easyphoto.private_files import make_private
from easyphoto.sqlite_damage import check_sound, opened
from easyphoto.sqlite_privacy import erase_deleted_rows, overwrite_deleted

DATABASE = "pictures.sqlite"

TOKEN = r"^[A-Za-z0-9_-]{24}$"

_KINDS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


class Pictures:
    """Tokens of files under the data folder or among the shipped ones; they stay valid over a restart."""

    def __init__(self, paths: Paths) -> None:
        self._roots = {"data": paths.root.resolve(), "models": paths.models.resolve()}
        self._lock = threading.Lock()
        make_private(paths.jobs)
        self._file = paths.jobs / DATABASE
        self._unwritten: dict[tuple[str, str], str] = {}
        opened(self._file, self._make_table)

    def _make_table(self) -> None:
        with closing(self._database()) as database, database:
            database.execute("PRAGMA journal_mode = WAL")
            check_sound(database)
            database.execute(
                "CREATE TABLE IF NOT EXISTS pictures"
                " (token TEXT PRIMARY KEY, root TEXT, file TEXT, UNIQUE (root, file))"
            )
            database.execute("SELECT token, root, file FROM pictures LIMIT 1")

    def _database(self) -> sqlite3.Connection:
        return _connected(self._file)

    def token(self, file: Path | None) -> str | None:
        """The same for the same file, always; None for no file, one that is gone, or one that is not ours."""
        if file is None or not file.is_file():
            return None
        place = self._place(file)
        if place is None:
            return None
        with self._lock:
            return self._kept(place)

    def _place(self, file: Path) -> tuple[str, str] | None:
        whole = file.resolve()
        for name, root in self._roots.items():
            if whole.is_relative_to(root):
                return name, whole.relative_to(root).as_posix()
        return None

    def _kept(self, place: tuple[str, str]) -> str:
        """Asked of the database each time: a deletion, also by another process, may have taken the token away.

        Whoever looks at pictures waits for no writer and for no room on the disk: a token that cannot be written now
        is written when it is next asked for.
        """
        query = "SELECT token FROM pictures WHERE root = ? AND file = ?"
        with closing(self._database()) as database:
            if row := database.execute(query, place).fetchone():
                return str(row[0])
            token = self._unwritten.setdefault(place, secrets.token_urlsafe(18))
            database.execute("PRAGMA busy_timeout = 0")
            with suppress(sqlite3.OperationalError):
                with database:
                    database.execute("INSERT OR IGNORE INTO pictures VALUES (?, ?, ?)", (token, *place))
                del self._unwritten[place]
                token = str(database.execute(query, place).fetchone()[0])
            return token

    def open(self, token: str) -> tuple[Path, str]:
        """The file and its media type. Raises NotFound, also for what is no PNG, JPEG, GIF or WebP."""
        row = None
        if re.match(TOKEN, token) and len(token) == 24:
            with closing(self._database()) as database:
                row = database.execute("SELECT root, file FROM pictures WHERE token = ?", (token,)).fetchone()
            row = row or next((place for place, held in dict(self._unwritten).items() if held == token), None)
        if row is not None:
            file = (self._roots[row[0]] / row[1]).resolve()
            kind = media_type(file)
            if kind is not None and self._place(file) == (row[0], row[1]):
                return file, kind
        raise NotFound("picture.unknown", stage="pictures")


def _connected(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=2.0)
    overwrite_deleted(database)
    return database


def forget_lost_files(paths: Paths) -> int:
    """Delete the tokens of files that are gone, whose names may tell of a person; says how many. Raises Busy."""
    file, root = paths.jobs / DATABASE, paths.root.resolve()
    if not file.is_file():
        return 0
    try:
        with closing(_connected(file)) as database:
            rows = database.execute("SELECT token, file FROM pictures WHERE root = 'data'").fetchall()
            lost = [(token,) for token, name in rows if not (root / name).is_file()]
            with database:
                database.executemany("DELETE FROM pictures WHERE token = ?", lost)
            erase_deleted_rows(database)
    except sqlite3.Error as error:
        raise Busy("picture.list-not-cleaned", stage="delete", file=str(file), why=error) from error
    return len(lost)


def media_type(file: Path) -> str | None:
    """By content; None for what is no picture a browser may be given."""
    if not file.is_file():
        return None
    with file.open("rb") as stream:
        head = stream.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return "image/webp"
    return next((kind for mark, kind in _KINDS if head.startswith(mark)), None)
