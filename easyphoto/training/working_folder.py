"""The working folder of a training: one owner at a time, on the whole machine."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock, Timeout

from easyphoto.domain import Photo, TrainRequest
from easyphoto.errors import Busy
from easyphoto.images.opening import MAX_BYTES
from easyphoto.library import slug
from easyphoto.library.filesystem import sha256_of
from easyphoto.paths import Paths
from easyphoto.private_files import make_private, write_atomic

FINGERPRINT = "fingerprint.txt"


@contextmanager
def owned(person: str, paths: Paths) -> Iterator[Path]:
    """The working folder of that person's id, for the block ours alone; it may not exist yet.

    Raises Busy while a training of that person runs, here or in another process.
    """
    make_private(paths.jobs)
    lock = FileLock(paths.jobs / _lock_name(person), timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise Busy("training.running", stage="preflight") from None
    try:
        yield paths.jobs / f"train-{person}"
    finally:
        lock.release()


def _lock_name(person: str) -> str:
    """Lock files stay, so they do not tell whose they are."""
    return f"train-{hashlib.sha256(person.encode()).hexdigest()[:16]}.lock"


@contextmanager
def working_folder(request: TrainRequest, photos: Sequence[Photo], paths: Paths) -> Iterator[tuple[Path, bool]]:
    """The folder, and whether an earlier try of the very same training is in it. Anything else is cleaned away.

    Raises BadName, and Busy as `owned`.
    """
    with owned(slug(request.person), paths) as folder:
        mark = fingerprint(request, photos)
        note = folder / FINGERPRINT
        resume = note.is_file() and note.read_text(encoding="utf-8") == mark
        if not resume:
            shutil.rmtree(folder, ignore_errors=True)
            make_private(folder)
            write_atomic(note, mark)
        yield folder, resume


def fingerprint(request: TrainRequest, photos: Sequence[Photo]) -> str:
    """SHA-256 over every setting and every photo's bytes and override; a photo that cannot be read counts as such.

    What is to be done with an early end may change between two tries.
    """
    settings = {name: value for name, value in asdict(request).items() if name != "accept_early"}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for photo in photos:
        digest.update(f"{photo.override}\0{content_of(photo.file)}".encode())
    return digest.hexdigest()


def content_of(file: Path) -> str:
    """SHA-256 of a photo, or what stands for it.

    The photo check says what is wrong with a file that is too large or unreadable; here it ends nothing.
    """
    try:
        seen = file.stat()
        if not stat.S_ISREG(seen.st_mode):  # reading a pipe or a device may never end
            return "no file"
        return f"{seen.st_size} bytes" if seen.st_size > MAX_BYTES else sha256_of(file)
    except OSError as error:
        return f"unreadable {error.errno}"
