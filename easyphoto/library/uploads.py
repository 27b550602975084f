"""Files that were brought and are part of nothing yet: by a browser or through the API, kept for a day."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from easyphoto.errors import NotFound, TooMany
from easyphoto.library.filesystem import delete_tree
from easyphoto.private_files import make_private, write_atomic

KEEP_SECONDS = 86_400.0
MOST = 1000
UPLOAD_ID = r"^[0-9a-f]{32}$"

_REQUEST = ".request-"
REQUEST_FOLDERS = f"{_REQUEST}*"
"""Below the jobs: what requests of the API work in; a crash may have left one."""


@dataclass(frozen=True)
class StoredUpload:
    """A file in a folder of its own."""

    id: str
    name: str  # as the user calls it; never part of a path
    file: Path  # its name says nothing


class UploadStore:
    """One private folder an upload. Any number of processes may use it at the same time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: str, source: Path | bytes) -> StoredUpload:
        """A copy of the file, or a new one of these bytes; nothing is left of one that fails. Raises TooMany."""
        remove_expired(self._folder, "*")
        if self._folder.is_dir() and len(list(self._folder.iterdir())) >= MOST:
            raise TooMany("upload.too-many", stage="uploads", count=MOST)
        own = self._folder / secrets.token_hex(16)
        make_private(own)
        upload = StoredUpload(own.name, name, own / "data")
        try:
            if isinstance(source, bytes):
                write_atomic(upload.file, source)
            else:
                shutil.copyfile(source, upload.file)
            write_atomic(own / "name.json", json.dumps(name))
        except BaseException:
            delete_tree([own])
            raise
        return upload

    def open(self, upload: str) -> StoredUpload:
        """Raises NotFound."""
        own = self._folder / upload
        with suppress(FileNotFoundError):
            if re.fullmatch(UPLOAD_ID[1:-1], upload) and (own / "data").is_file():
                name = json.loads((own / "name.json").read_text(encoding="utf-8"))
                return StoredUpload(upload, name, own / "data")
        raise NotFound("upload.unknown", stage="uploads")

    def remove(self, upload: str) -> None:
        """Raises NotFound."""
        delete_tree([self.open(upload).file.parent])

    def drop(self, *files: Path) -> None:
        """Remove those that are of this store; other files stay."""
        delete_tree(file.parent for file in files if file.parent.parent == self._folder)


def remove_expired(folder: Path, pattern: str) -> None:
    """Remove what is older than a day."""
    for own in folder.glob(pattern):
        with suppress(FileNotFoundError):  # somebody else has just removed it
            if own.stat().st_mtime < time.time() - KEEP_SECONDS:
                delete_tree([own])


def request_folder(folder: Path) -> Path:
    """A private folder for one request in `folder`, which is swept of what crashed requests have left."""
    make_private(folder)
    remove_expired(folder, REQUEST_FOLDERS)
    return Path(tempfile.mkdtemp(prefix=_REQUEST, dir=folder))


@contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    """A `request_folder` that is gone after the block."""
    own = request_folder(folder)
    try:
        yield own
    finally:
        shutil.rmtree(own)
