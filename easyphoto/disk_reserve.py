"""A file that holds some room: given up on a full disk, so that lists can still be opened and things be deleted."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from easyphoto.private_files import write_atomic

NAME = "room-for-a-full-disk"
SIZE = 1_000_000
"""Bytes: SQLite needs 32 kB for a list's index, and some pages for what is deleted."""


def keep(folder: Path) -> None:
    """Make it, unless it is there or the disk has no room."""
    file = folder / NAME
    if not file.is_file():
        with suppress(OSError):
            write_atomic(file, bytes(SIZE))


def give_up(folder: Path) -> bool:
    """Whether there was such room."""
    with suppress(OSError):
        (folder / NAME).unlink()
        return True
    return False
