"""Folders of ours: hashed, measured, deleted to the last file."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Deleted:
    """What a removal did."""

    files: int
    bytes: int
    left: tuple[Path, ...]  # files that the system would not delete

    def __add__(self, other: Deleted) -> Deleted:
        """Both together."""
        return Deleted(self.files + other.files, self.bytes + other.bytes, self.left + other.left)


NOTHING = Deleted(0, 0, ())


def sha256_of(file: Path) -> str:
    """Hex digest of the whole file."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def hash_files(folder: Path) -> dict[str, str]:
    """Every file below, relative with forward slashes -> SHA-256; sorted."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): sha256_of(file) for file in files}


def size_of(folder: Path) -> int:
    """Bytes of all files below."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir()) if folder.is_dir() else 0


def _files_below(folder: Path) -> list[Path]:
    """Links count as files."""
    return [file for file in folder.rglob("*") if file.is_symlink() or not file.is_dir()]


def delete_tree(folders: Iterable[Path]) -> Deleted:
    """Delete the folders, or files, to the last file; links are deleted, never followed."""
    count = total = 0
    left: list[Path] = []
    for folder in folders:
        for file in [folder] if folder.is_symlink() or folder.is_file() else _files_below(folder):
            try:
                size = file.lstat().st_size
                file.unlink()
            except FileNotFoundError:  # somebody else was quicker
                continue
            except OSError:
                left.append(file)
            else:
                count, total = count + 1, total + size
        if not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)
    return Deleted(count, total, tuple(left))
