"""Which tasks are done: a note a task, beside the portraits, that counts as long as its result is there unchanged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from easyphoto.library.filesystem import sha256_of
from easyphoto.private_files import make_private, write_atomic

FOLDER = ".easyphoto-batch"


@dataclass(frozen=True)
class Records:
    """The notes of a batch that writes into `out`."""

    out: Path

    @property
    def folder(self) -> Path:
        """Where notes, the lock and unfinished portraits lie."""
        return self.out / FOLDER

    def begin(self, key: str) -> None:
        """Note that the task was begun; a person that appears from now on is its own."""
        make_private(self.folder)
        write_atomic(self.folder / f"{key}.begun", "")

    def begun(self, key: str) -> bool:
        """Whether a process began it, and perhaps was killed before it could note its end."""
        return (self.folder / f"{key}.begun").is_file()

    def note_person(self, key: str, person: str, created: str) -> None:
        """A training is done."""
        self._write(key, {"person": person, "created": created})

    def note_portrait(self, key: str, file: Path) -> None:
        """A portrait is done."""
        self._write(key, {"file": file.relative_to(self.out).as_posix(), "sha256": sha256_of(file)})

    def person(self, key: str) -> tuple[str, str]:
        """Id and time of creation of the person that the task has made; empty where it has made none."""
        note = self._read(key)
        return str(note.get("person", "")), str(note.get("created", ""))

    def portrait(self, key: str) -> Path | None:
        """The portrait that the task has made, if it is there byte for byte."""
        note = self._read(key)
        file = self.out / str(note.get("file", ""))
        return file if "file" in note and file.is_file() and sha256_of(file) == note.get("sha256") else None

    def _write(self, key: str, note: dict[str, str]) -> None:
        make_private(self.folder)
        write_atomic(self.folder / f"{key}.json", json.dumps(note))

    def _read(self, key: str) -> dict[str, Any]:
        """A note that is damaged is none: the task is done again."""
        try:
            note = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}
