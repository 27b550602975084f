"""Files that callers bring: kept for a day under a number of ours, or only for as long as a request takes."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from easyphoto.api.errors import TooMany
from easyphoto.api.models import UPLOAD_ID
from easyphoto.api.parsing import decoded
from easyphoto.api.template_store import TemplateStore
from easyphoto.errors import NotFound
from easyphoto.jobs import JobFile

KEEP_SECONDS = 86400.0
MOST = 1000

_WORKPLACE = ".request-"


@dataclass(frozen=True)
class Upload:
    """A file that was brought."""

    id: str
    name: str  # as the caller calls it; never part of a path
    file: Path


class Uploads:
    """One folder an upload."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: str, data: bytes) -> Upload:
        """Raises TooMany."""
        self._expire()
        if self._folder.is_dir() and len(list(self._folder.iterdir())) >= MOST:
            raise TooMany("upload.too-many", stage="uploads", count=MOST)
        own = self._folder / secrets.token_hex(16)
        own.mkdir(parents=True, mode=0o700)
        (own / "name.json").write_text(json.dumps(name), encoding="utf-8")
        (own / "data").write_bytes(data)
        return Upload(own.name, name, own / "data")

    def open(self, upload: str) -> Upload:
        """Raises NotFound."""
        own = self._folder / upload
        if not re.match(UPLOAD_ID, upload) or len(upload) != 32 or not (own / "data").is_file():
            raise NotFound("upload.unknown", stage="uploads")
        return Upload(upload, json.loads((own / "name.json").read_text(encoding="utf-8")), own / "data")

    def remove(self, upload: str) -> None:
        """Raises NotFound."""
        shutil.rmtree(self.open(upload).file.parent)

    def _expire(self) -> None:
        remove_expired(self._folder, "*")


def remove_expired(folder: Path, pattern: str) -> None:
    """Remove what is older than a day."""
    for own in folder.glob(pattern):
        if own.stat().st_mtime < time.time() - KEEP_SECONDS:
            shutil.rmtree(own, ignore_errors=True)


def request_folder(folder: Path) -> Path:
    """A private folder for one request in `folder`, which is swept of what crashed requests have left."""
    folder.mkdir(parents=True, exist_ok=True)
    remove_expired(folder, f"{_WORKPLACE}*")
    return Path(tempfile.mkdtemp(prefix=_WORKPLACE, dir=folder))


@dataclass(frozen=True)
class RequestFiles:
    """Where the pictures of a request may come from."""

    uploads: Uploads
    templates: TemplateStore
    folder: Path  # for copies that live as long as a request
    max_picture: int

    @contextmanager
    def files(self, items: Sequence[Mapping[str, Any]]) -> Iterator[list[JobFile]]:
        """The pictures as files that exist inside the block. Raises NotFound, TooLarge, NotJson."""
        own = request_folder(self.folder)
        try:
            yield [self._file(item, own / f"{number}") for number, item in enumerate(items)]
        finally:
            shutil.rmtree(own)

    def _file(self, item: Mapping[str, Any], place: Path) -> JobFile:
        override = item.get("override", "")
        if "upload" in item:
            upload = self.uploads.open(item["upload"])
            return JobFile(upload.file, upload.name, override)
        if "template" in item:
            template = self.templates.open(item["template"]).template
            return JobFile(template.file, template.file.name, override)
        place.write_bytes(decoded(item["data"], self.max_picture))
        return JobFile(place, item["name"], override)
