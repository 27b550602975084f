"""Folders and files for their owner alone, and files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
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
