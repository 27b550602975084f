"""What has come of a file so far, beside its place: the bytes, and a note where they are from."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from easyphoto.private_files import write_atomic

GIVEN_BACK = 64_000_000
"""Bytes that an unfinished file gives back where the disk is full, so that the rest of the program goes on."""
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


@dataclass(frozen=True)
class PartNote:
    """Which version of which address the bytes are of."""

    address: str = ""
    validator: str = ""
    total: int | None = None


class PartFile:
    """The unfinished file of one place. Its name ends so that nobody takes it for a model."""

    def __init__(self, place: Path) -> None:
        self.file = place.with_name(f".{place.name}.part")
        self._note = place.with_name(f".{place.name}.part.json")

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.file.stat().st_size if self.file.is_file() else 0

    @property
    def note(self) -> PartNote:
        """Empty where there is none that can be read."""
        try:
            return PartNote(**json.loads(self._note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return PartNote()

    def begin(self, note: PartNote, start: int) -> None:
        """From that byte on the bytes will be of that version; what is there behind it goes."""
        if note != self.note:
            write_atomic(self._note, json.dumps(asdict(note)))
        with self.file.open("ab") as out:
            out.truncate(start)

    @contextmanager
    def appending(self) -> Iterator[IO[bytes]]:
        """To write what comes next. On a full disk the last bytes are given back before the failure is told."""
        try:
            with self.file.open("ab") as out:
                yield out
        except OSError as error:
            if error.errno in _FULL:
                os.truncate(self.file, max(0, self.size - GIVEN_BACK))
                error.filename = str(self.file)
            raise

    def become(self, place: Path) -> None:
        """The finished file: on the disk as a whole before it has its name."""
        with self.file.open("rb+") as whole:
            os.fsync(whole.fileno())
        self.file.replace(place)
        self._note.unlink(missing_ok=True)

    def discard(self) -> None:
        """Nothing of it is of use."""
        self.file.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
