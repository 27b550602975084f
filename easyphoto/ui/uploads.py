"""Files that a browser brought: out of gradio's folder at once, which a WebUI shows to anybody, into ours for a day."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from easyphoto.library.filesystem import make_private
from easyphoto.ui import compat

KEEP_SECONDS = 86_400.0


@dataclass(frozen=True)
class StoredUpload:
    """A file in our folder."""

    file: Path  # its name says nothing
    name: str  # as the user calls it; never part of a path


class UploadStore:
    """A private folder for what is not part of a job yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sweep()

    def take(self, value: Any) -> list[StoredUpload]:
        """The files of a File's or UploadButton's value. Nothing of them is left with gradio. Raises BadRequest."""
        self._sweep()
        make_private(self._folder)
        uploads = compat.uploaded(value)
        try:
            return [self._taken(file, upload.name) for upload in uploads if (file := upload.source())]
        finally:
            for upload in uploads:
                compat.discard(upload)

    @contextmanager
    def temporary(self, value: Any) -> Iterator[list[StoredUpload]]:
        """The same for as long as the block lasts."""
        files = self.take(value)
        try:
            yield files
        finally:
            self.drop(*(brought.file for brought in files))

    def drop(self, *files: Path) -> None:
        """Delete those that are ours."""
        for file in files:
            if file.parent == self._folder:
                file.unlink(missing_ok=True)

    def _taken(self, source: Path, name: str) -> StoredUpload:
        file = self._folder / secrets.token_hex(16)
        shutil.copyfile(source, file)
        return StoredUpload(file, name)

    def _sweep(self) -> None:
        """What nobody came back for."""
        for file in self._folder.glob("*"):
            with suppress(FileNotFoundError):  # another page's sweep was quicker
                if file.stat().st_mtime < time.time() - KEEP_SECONDS:
                    self.drop(file)
