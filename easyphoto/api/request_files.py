"""Pictures of a request as files, wherever they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from easyphoto.api.parsing import decoded
from easyphoto.jobs import JobFile, PictureRole
from easyphoto.library import Templates
from easyphoto.library.uploads import UploadStore, scratch_folder
from easyphoto.private_files import write_atomic


@dataclass(frozen=True)
class RequestFiles:
    """Where the pictures of a request may come from."""

    uploads: UploadStore
    templates: Templates
    folder: Path  # for copies that live as long as a request
    max_picture: int

    @contextmanager
    def files(self, items: Mapping[PictureRole, Sequence[Mapping[str, Any]]]) -> Iterator[list[JobFile]]:
        """The pictures as files that exist inside the block. Raises NotFound, TooLarge, NotJson."""
        given = [(role, item) for role, several in items.items() for item in several]
        with scratch_folder(self.folder) as own:
            yield [replace(self._file(item, own / f"{n}"), role=role) for n, (role, item) in enumerate(given)]

    def _file(self, item: Mapping[str, Any], place: Path) -> JobFile:
        override = item.get("override", "")
        if "upload" in item:
            upload = self.uploads.open(item["upload"])
            return JobFile(upload.file, upload.name, override)
        if "template" in item:
            template = self.templates.open(item["template"])
            return JobFile(template.file, template.file.name, override)
        write_atomic(place, decoded(item["data"], self.max_picture))
        return JobFile(place, item["name"], override)
