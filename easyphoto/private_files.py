"""Folders and files for their owner alone, and files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def make_private(folder: Path) -> None:
    """Create it and the parents it lacks, for their owner alone where the system knows that."""
    missing = [place for place in (folder, *folder.parents) if not place.is_dir()]
    for place in reversed(missing):
        place.mkdir(mode=0o700, exist_ok=True)
        if os.name == "posix":
            place.chmod(0o700)  # whatever the umask is


_TEMPORARY = ("TMPDIR", "TEMP", "TMP")


def temporary_variables(folder: Path) -> dict[str, str]:
    """Variables of a process whose temporary files, and those of its libraries, lie in that folder; it is made."""
    make_private(folder)
    return dict.fromkeys(_TEMPORARY, str(folder.resolve()))


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Inside it temporary files of this process, of its libraries and its children lie in that private folder.

    torch makes a folder with the user's name where they lie, gradio keeps uploads there and a server long bodies.
    """
    wanted = temporary_variables(folder)
    before, usual = {name: os.environ.get(name) for name in _TEMPORARY}, tempfile.tempdir
    os.environ.update(wanted)
    tempfile.tempdir = str(folder.resolve())
    try:
        yield
    finally:
        tempfile.tempdir = usual
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ.update({} if value is None else {name: value})


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A temporary file beside it, its owner's alone, to be written in the block; it becomes `file` at the block's end.

    Readers see the old content or the new one, whole. Of a block that fails nothing is left.
    """
    part = file.with_name(f".{file.name[:100]}.{secrets.token_hex(8)}.part")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield part
        part.replace(file)
    except OSError as error:
        if error.errno is not None:  # a full disk names no file, and the temporary one says nothing to anybody
            error.filename = str(file)
        raise
    finally:
        part.unlink(missing_ok=True)


def write_atomic(file: Path, content: str | bytes) -> None:
    """As `replacing`; a text becomes UTF-8."""
    with replacing(file) as part:
        part.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
