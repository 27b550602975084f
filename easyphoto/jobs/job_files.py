"""A job's own folder: copies of its pictures, gone when they are no longer needed, and its previews."""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from easyphoto.errors import BadPicture
from easyphoto.jobs.job import JobFile, PictureRole
from easyphoto.library.filesystem import sha256_of
from easyphoto.private_files import make_private, replacing, write_atomic

PREVIEW_SIDE = 768
PREVIEWS_KEPT = 24

_PICTURES, _LIST, _DIGESTS = "pictures", "pictures.json", "digests.json"


def store(folder: Path, files: Sequence[JobFile]) -> None:
    """Copy the pictures in. Raises BadPicture for one that cannot be read, and leaves nothing behind."""
    try:
        make_private(folder)
        make_private(folder / _PICTURES)
        kept = [_copied(folder, number, file) for number, file in enumerate(files)]
        write_atomic(folder / _LIST, json.dumps([_entry(file) for file in kept]))
        digests_of = sorted({sha256_of(file.file) for file in kept if file.role is not PictureRole.TEMPLATE})
        write_atomic(folder / _DIGESTS, json.dumps(digests_of))
    except BaseException:
        remove(folder)
        raise


def _copied(folder: Path, number: int, source: JobFile) -> JobFile:
    suffix = source.file.suffix.lower() if source.file.suffix[1:].isascii() and source.file.suffix[1:].isalnum() else ""
    copy = folder / _PICTURES / f"{number:03d}{suffix}"
    if not source.file.is_file():  # a copy of a device would never end
        raise BadPicture("picture.no-file", stage="request", file=source.name)
    try:
        content = source.file.open("rb")
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise BadPicture("picture.unreadable", stage="request", file=source.name) from error
    with content, replacing(copy) as part, part.open("wb") as out:
        shutil.copyfileobj(content, out, 1 << 20)
    return replace(source, file=copy)


def _entry(file: JobFile) -> dict[str, str]:
    role = {"role": file.role.value} if file.role else {}
    return {"file": file.file.name, "name": file.name, "override": file.override, **role}


def stored(folder: Path) -> tuple[JobFile, ...]:
    """The copies, in the order in which they were given; empty when they are gone."""
    note = folder / _LIST
    if not note.is_file():
        return ()
    entries = json.loads(note.read_text(encoding="utf-8"))
    return tuple(_of_entry(folder, entry) for entry in entries)


def _of_entry(folder: Path, entry: Mapping[str, str]) -> JobFile:
    role = PictureRole(entry["role"]) if "role" in entry else None
    return JobFile(folder / _PICTURES / entry["file"], entry["name"], entry["override"], role)


def has_pictures(folder: Path) -> bool:
    """Whether the job could still run."""
    return (folder / _LIST).is_file()


def digests(folder: Path) -> frozenset[str]:
    """SHA-256 of the pictures it was given, also after they are gone: a deletion finds other copies by them.

    Without those whose role is to be a template.
    """
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
    packed = io.BytesIO()
    small.save(packed, "JPEG", quality=85)
    write_atomic(file, packed.getvalue())
    for old in sorted(folder.glob("preview-*.jpg"))[:-PREVIEWS_KEPT]:
        old.unlink(missing_ok=True)
    return file
