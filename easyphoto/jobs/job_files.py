"""A job's own folder: copies of its pictures, gone when they are no longer needed, and its previews."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from easyphoto.domain import Photo
from easyphoto.errors import BadPicture
from easyphoto.jobs.job import JobFile
from easyphoto.library.filesystem import sha256_of
from easyphoto.private_files import make_private, write_atomic

PREVIEW_SIDE = 768
PREVIEWS_KEPT = 24

_PICTURES, _LIST, _DIGESTS = "pictures", "pictures.json", "digests.json"


def store(folder: Path, files: Sequence[JobFile]) -> None:
    """Copy the pictures in. Raises BadPicture for one that cannot be read, and leaves nothing behind."""
    try:
        make_private(folder)
        make_private(folder / _PICTURES)
        kept = [{"file": _copied(folder, n, f), "name": f.name, "override": f.override} for n, f in enumerate(files)]
        write_atomic(folder / _LIST, json.dumps(kept))
        digests_of = sorted({sha256_of(file) for file in (folder / _PICTURES).iterdir()})
        write_atomic(folder / _DIGESTS, json.dumps(digests_of))
    except BaseException:
        remove(folder)
        raise


def _copied(folder: Path, number: int, source: JobFile) -> str:
    suffix = source.file.suffix.lower() if source.file.suffix[1:].isascii() and source.file.suffix[1:].isalnum() else ""
    name = f"{number:03d}{suffix}"
    try:
        shutil.copyfile(source.file, folder / _PICTURES / name)
    except OSError as error:
        raise BadPicture("picture.unreadable", stage="request", file=source.name) from error
    return name


def stored(folder: Path) -> tuple[Photo, ...]:
    """The copies, in the order in which they were given; empty when they are gone."""
    note = folder / _LIST
    if not note.is_file():
        return ()
    entries = json.loads(note.read_text(encoding="utf-8"))
    return tuple(Photo(folder / _PICTURES / e["file"], e["name"], e["override"]) for e in entries)


def has_pictures(folder: Path) -> bool:
    """Whether the job could still run."""
    return (folder / _LIST).is_file()


def digests(folder: Path) -> frozenset[str]:
    """SHA-256 of the pictures it was given, also after they are gone: a deletion finds other copies by them."""
    note = folder / _DIGESTS
    return frozenset(json.loads(note.read_text(encoding="utf-8"))) if note.is_file() else frozenset()


def remove_pictures(folder: Path) -> None:
    """The private files; previews and digests stay."""
    (folder / _LIST).unlink(missing_ok=True)
    shutil.rmtree(folder / _PICTURES, ignore_errors=True)


def remove(folder: Path) -> None:
    """Everything."""
    shutil.rmtree(folder, ignore_errors=True)


def age(folder: Path) -> float:
    """Seconds since something in it was made or removed."""
    return time.time() - folder.stat().st_mtime


def save_preview(folder: Path, number: int, picture: Image.Image) -> Path:
    """A JPEG of at most `PREVIEW_SIDE` pixels; of earlier ones only the newest `PREVIEWS_KEPT` stay."""
    make_private(folder)
    small = picture.convert("RGB")
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    file = folder / f"preview-{number:06d}.jpg"
    small.save(file, quality=85)
    for old in sorted(folder.glob("preview-*.jpg"))[:-PREVIEWS_KEPT]:
        old.unlink(missing_ok=True)
    return file
