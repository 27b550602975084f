"""Files that a browser brought: out of gradio's folder at once, which a WebUI shows to anybody, into ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from easyphoto.errors import BadRequest
from easyphoto.images import may_be_picture
from easyphoto.library.uploads import StoredUpload, UploadStore
from easyphoto.ui import compat


class BrowserUploads(UploadStore):
    """The store of uploads, which also takes values of gradio's fields."""

    def take(self, value: Any) -> list[StoredUpload]:
        """The files of a File's or UploadButton's value. Nothing of them is left with gradio.

        Raises BadRequest where none of them is there: gradio 4 keeps equal files of all its users in one place, so that
        another page can have taken them at this moment. A page in a hurry names those again that were taken before.
        """
        uploads = compat.uploaded(value)
        try:
            there = [(upload.name, file) for upload in uploads if (file := upload.source())]
            if uploads and not there:
                raise BadRequest("upload.vanished", stage="upload", name=uploads[0].name)
            return [self.add(name, file) for name, file in there]
        finally:
            for upload in uploads:
                compat.discard(upload)

    def take_pictures(self, value: Any) -> tuple[list[StoredUpload], list[str]]:
        """Those that are pictures, and the names of the others, which are dropped. Raises BadRequest as `take`."""
        files = self.take(value)
        kept = [one for one in files if may_be_picture(one.file, one.name)]
        others = [one for one in files if one not in kept]
        self.drop(*(one.file for one in others))
        return kept, [one.name for one in others]

    @contextmanager
    def temporary(self, value: Any) -> Iterator[list[StoredUpload]]:
        """The same for as long as the block lasts."""
        files = self.take(value)
        try:
            yield files
        finally:
            self.drop(*(brought.file for brought in files))
