"""What is known of files on this machine: their hash when all of them was last read, and where they are from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from easyphoto.private_files import write_atomic

RECORD = "weights.json"


@dataclass(frozen=True)
class KnownFile:
    """A file as it was when all of it had been read."""

    sha256: str
    bytes: int
    modified: int  # nanoseconds, as the file system says it
    origin: str  # a host, or the folder it was taken from

    def describes(self, file: Path) -> bool:
        """Whether the file was not touched since."""
        facts = file.stat()
        return (facts.st_size, facts.st_mtime_ns) == (self.bytes, self.modified)


class WeightRecord:
    """One file of JSON in the folder of weights. An entry stays when its file goes: a later one must be the same."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / RECORD

    def get(self, name: str) -> KnownFile | None:
        """Of that id."""
        try:
            return KnownFile(**self._read()[name])
        except (KeyError, TypeError):
            return None

    def put(self, name: str, file: Path, sha256: str, origin: str) -> KnownFile:
        """That file was read as a whole just now."""
        facts = file.stat()
        known = KnownFile(sha256, facts.st_size, facts.st_mtime_ns, origin)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._file.with_name(f".{RECORD}.lock"), mode=0o600):
            write_atomic(self._file, json.dumps({**self._read(), name: asdict(known)}, indent=2, sort_keys=True))
        return known

    def _read(self) -> Mapping[str, Any]:
        """Empty where there is none that can be read; what was learnt is then learnt anew."""
        try:
            read = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}
