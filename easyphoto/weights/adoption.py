"""A file that lies elsewhere on this machine becomes ours: linked where that can be, else copied, always checked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from easyphoto.weights.catalog import WeightFile
from easyphoto.weights.content import has_format, sha256_of
from easyphoto.weights.room import check_room


def adopt(found: Path, file: WeightFile, place: Path, sha256: str, beat: Callable[[int], None]) -> str | None:
    """The hash of the file that is now in its place; None, and nothing changed, for one that is not it.

    Raises BadRequest where the disk has no room for a copy.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    waiting = place.with_name(f".{place.name}.found")
    waiting.unlink(missing_ok=True)
    try:
        _link_or_copy(found.resolve(), waiting)
        digest = sha256_of(waiting, beat)
        if (sha256 and digest != sha256) or not has_format(waiting, file.name):
            return None
        waiting.replace(place)
        return digest
    finally:
        waiting.unlink(missing_ok=True)


def _link_or_copy(found: Path, waiting: Path) -> None:
    try:
        os.link(found, waiting)
    except OSError:  # another disk, or a file system without links
        check_room(waiting, found.stat().st_size)
        shutil.copyfile(found, waiting)
