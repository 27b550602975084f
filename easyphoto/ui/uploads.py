"""Files that a browser brought: out of gradio's folder at once, which a WebUI shows to anybody, into ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from easyphoto.library.uploads import StoredUpload, UploadStore
from easyphoto.ui import compat


class BrowserUploads(UploadStore):
    """The store of uploads, which also takes values of gradio's fields."""

    def take(self, value: Any) -> list[StoredUpload]:
        """The files of a File's or UploadButton's value. Nothing of them is left with gradio. Raises BadRequest."""
        uploads = compat.uploaded(value)
        try:
            return [self.add(upload.name, file) for upload in uploads if (file := upload.source())]
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
