"""A disk of a few megabytes of our own, where the system lets us mount one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """It, mounted there for the block; skips the test without the right to mount."""
    folder.mkdir(parents=True)
    if not sys.platform.startswith("linux") or shutil.which("mount") is None:
        pytest.skip("no small disk can be mounted here")
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(folder)]
    if subprocess.run(["mount", *options], capture_output=True).returncode:
        pytest.skip("no right to mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, left: int) -> Path:
    """Takes all of its room but `left` bytes, whole pages; the file to delete for having it back."""
    ballast = folder / "ballast"
    size = shutil.disk_usage(folder).free - left
    with ballast.open("wb") as out:
        for start in range(0, max(0, size) // 4096 * 4096, 2**20):
            out.write(bytes(min(2**20, max(0, size) // 4096 * 4096 - start)))
    return ballast


def fill_up(folder: Path) -> Path:
    """Takes its room to the last page; the file to delete for having it back."""
    ballast = folder / "ballast"
    with pytest.raises(OSError), ballast.open("wb", buffering=0) as out:
        while True:
            out.write(b"\xa5" * 4096)
    return ballast
