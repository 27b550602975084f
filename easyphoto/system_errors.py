"""What the system refuses (room, rights, memory, open files) as failures with a code, a place and a remedy."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from easyphoto.errors import EasyPhotoError, Locked, NoResources, NoStorage, SystemRefusal
from easyphoto.paths import default_root

FAILURES = (EasyPhotoError, OSError, MemoryError, sqlite3.Error)
"""What an interface shows as a failure, by `failure_of`, and not as a defect."""

_NO_MEMORY = re.compile(
    r"out of memory|DefaultCPUAllocator|bad_alloc|Insufficient memory|Failed to allocate memory", re.I
)
_OS_ERROR = re.compile(r"\(os error (\d+)\)")  # libraries written in Rust
_DATABASE = {  # SQLite's own words, which are part of its interface; Python 3.10 has no codes
    "database or disk is full": errno.ENOSPC,
    "attempt to write a readonly database": errno.EROFS,
    "disk I/O error": errno.EIO,
    "database is locked": errno.EBUSY,
    "out of memory": errno.ENOMEM,
}

_OTHER_FAULTS = (sqlite3.OperationalError, sqlite3.ProgrammingError, sqlite3.IntegrityError, sqlite3.DataError)

_SMALLEST_ROOM = 0.1  # megabytes

_Made = Callable[[Path, str], EasyPhotoError]
_MADE: dict[int, _Made] = {
    errno.ENOSPC: lambda place, _: NoStorage(
        "system.disk-full", file=str(place), disk=disk_of(place), folder=folder_of(place), free=_free(place)
    ),
    errno.EDQUOT: lambda place, _: NoStorage("system.quota", file=str(place), disk=disk_of(place)),
    errno.EROFS: lambda place, _: NoStorage("system.read-only", file=str(place), disk=disk_of(place)),
    errno.EACCES: lambda place, _: NoStorage("system.no-permission", file=str(place)),
    errno.EIO: lambda place, _: NoStorage("system.disk-fault", file=str(place), disk=disk_of(place)),
    errno.ENAMETOOLONG: lambda place, _: SystemRefusal("system.name-too-long", file=str(place)),
    errno.EMFILE: lambda place, _: NoResources("system.too-many-files"),
    errno.ENOMEM: lambda place, _: NoResources("system.out-of-memory"),
    errno.EBUSY: lambda place, _: Locked("system.locked", file=str(place)),
    errno.EEXIST: lambda place, _: SystemRefusal("system.in-the-way", file=str(place)),
    errno.ENOENT: lambda place, _: SystemRefusal("system.not-there", file=str(place)),
}
_SAME = {
    errno.EPERM: errno.EACCES,
    errno.ENFILE: errno.EMFILE,
    errno.ENOTDIR: errno.EEXIST,
    errno.EISDIR: errno.EEXIST,
    errno.EFBIG: errno.ENOSPC,
}


def refusal_of(error: BaseException, likely: Sequence[Path] = ()) -> EasyPhotoError | None:
    """The failure with its remedy; None for an error that is not the system's.

    `likely` are folders that the failed work writes to, for errors that name no file.
    """
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, _OTHER_FAULTS):
        return SystemRefusal("system.list-damaged")
    number = _number(error)
    if number is None:
        return None
    place, why = _place(error, number, likely), getattr(error, "strerror", None) or str(error)
    if number == errno.EIO and isinstance(error, sqlite3.Error) and _free(place) < _SMALLEST_ROOM:
        number = errno.ENOSPC  # SQLite's word for it where it makes its shared index
    made = _MADE.get(_SAME.get(number, number), _refused)
    return made(place, why)


def shortage_of(error: BaseException, likely: Sequence[Path] = ()) -> EasyPhotoError | None:
    """As `refusal_of`, but None for what may be the file's own fault: only room, rights, memory, open files."""
    refusal = refusal_of(error, likely)
    return refusal if isinstance(refusal, (NoStorage, NoResources)) else None


def failure_of(error: BaseException, likely: Sequence[Path] = (), stage: str = "") -> EasyPhotoError | None:
    """The error itself when it is one of ours, else as `refusal_of`, in that stage."""
    if isinstance(error, EasyPhotoError):
        return error
    refusal = refusal_of(error, likely)
    if refusal is not None:
        refusal.stage = stage
    return refusal


def _refused(place: Path, why: str) -> EasyPhotoError:
    return SystemRefusal("system.refused", file=str(place), why=why)


def _number(error: BaseException) -> int | None:
    """As in `errno`; -1 for a refusal without a number of ours, None for what is no refusal."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return errno.ENOMEM
    if isinstance(error, OSError):
        return error.errno  # None: raised by a library, of a file's content
    if isinstance(error, sqlite3.OperationalError):
        return next((number for words, number in _DATABASE.items() if words in str(error)), -1)
    if told := _OS_ERROR.search(str(error)):
        code = int(told.group(1))
        return OSError(code, "", None, code).errno  # on Windows the last one counts
    return errno.ENOMEM if _NO_MEMORY.search(str(error)) else None


def _place(error: BaseException, number: int, likely: Sequence[Path]) -> Path:
    """The file that could not be written, else the likely folder, of several the one with the least room."""
    for name in (getattr(error, "filename2", None), getattr(error, "filename", None)):
        if isinstance(name, (str, bytes, os.PathLike)) and name:
            return Path(os.fsdecode(name))
    folders = likely or (default_root(), Path(tempfile.gettempdir()))
    return min(folders, key=_free) if number == errno.ENOSPC else folders[0]


def disk_of(place: Path) -> str:
    """Where its disk is mounted; on Windows its letter."""
    whole = _existing(place.absolute())
    return str(next(folder for folder in (whole, *whole.parents) if os.path.ismount(folder)))


def folder_of(place: Path) -> str:
    """The folder itself, or that of a file; one that exists."""
    found = _existing(place.absolute())
    return str(found if found.is_dir() else found.parent)


def _existing(place: Path) -> Path:
    return next(found for found in (place, *place.parents) if found.exists())


def _free(place: Path) -> float:
    """Megabytes."""
    return shutil.disk_usage(_existing(place.absolute())).free / 1e6
