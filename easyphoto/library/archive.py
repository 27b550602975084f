"""A person as one zip file. Packing is plain; unpacking trusts nothing."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from easyphoto.images import open_picture, save_picture
from easyphoto.library.filesystem import hash_files
from easyphoto.library.manifest import LARGEST, MANIFEST, MOST_FILES, Manifest, broken, is_ours, parse
from easyphoto.library.report import read_report
from easyphoto.lora import check_whole
from easyphoto.private_files import make_private, replacing
from easyphoto.system_errors import shortage_of

LARGEST_FILE, LARGEST_EXPORT = 2_000_000_000, 4_000_000_000  # bytes unpacked
HIGHEST_RATIO = 100  # unpacked to packed; pictures and tensors hardly shrink, a bomb does
_BLOCK = 1 << 20


def pack(folder: Path, manifest: Manifest, zip_file: Path) -> None:
    """Manifest first, then every file it lists, uncompressed; the zip appears whole or not at all."""
    with replacing(zip_file) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        archive.writestr(MANIFEST, manifest.text())
        for name in manifest.files:
            archive.write(folder / name, name)


def manifest_of(zip_file: Path) -> Manifest:
    """The manifest of an export whose table of contents is sound. Raises BadModel."""
    with _opened(zip_file) as archive:
        _check_contents(archive)
        manifest = parse(_read(archive, MANIFEST, LARGEST).decode("utf-8", errors="strict"))
        if set(archive.namelist()) != {MANIFEST, *manifest.files}:
            raise broken("damaged.other-files")
        return manifest


def unpack(zip_file: Path, manifest: Manifest, folder: Path) -> Manifest:
    """Every listed file into the folder, hashed and checked by its kind; the manifest of what then lies there.

    Pictures are written anew, without whatever else the archive's had in them. Raises BadModel, BadPicture.
    """
    with _opened(zip_file) as archive:
        for name, digest in manifest.files.items():
            goal = folder / name
            make_private(goal.parent)
            if _copy(archive, name, goal) != digest:
                raise broken("damaged.changed-file", name=name)
            _KINDS[goal.suffix](goal)
    return replace(manifest, files=hash_files(folder))


@contextmanager
def _opened(zip_file: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; everything zipfile finds wrong becomes BadModel."""
    try:
        with zipfile.ZipFile(zip_file) as archive:
            yield archive
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, UnicodeDecodeError) as error:
        raise broken("damaged.no-zip", why=error) from error
    except (RuntimeError, OSError, ValueError) as error:  # encrypted members, cut off files, broken offsets
        raise shortage_of(error) or broken("damaged.unreadable", why=error) from error


def _check_contents(archive: zipfile.ZipFile) -> None:
    """Count, names, kinds and sizes before a single byte is unpacked."""
    members = archive.infolist()
    names = [member.filename for member in members]
    if len(members) > MOST_FILES + 1 or len(set(names)) != len(names) or MANIFEST not in names:
        raise broken("damaged.bad-contents")
    if sum(member.file_size for member in members) > LARGEST_EXPORT:
        raise broken("damaged.too-large")
    for member in members:
        _check_member(member)


def _check_member(member: zipfile.ZipInfo) -> None:
    """One entry of the table of contents."""
    if member.filename != MANIFEST and not is_ours(member.filename):
        raise broken("damaged.strange-member", name=member.filename[:80])
    kind = stat.S_IFMT(member.external_attr >> 16)
    if member.is_dir() or kind not in (0, stat.S_IFREG):
        raise broken("damaged.no-plain-file", name=member.filename)
    if member.file_size > LARGEST_FILE or member.file_size > HIGHEST_RATIO * max(member.compress_size, 1_000):
        raise broken("damaged.unlikely-size", name=member.filename)


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A small member in memory."""
    with archive.open(name) as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise broken("damaged.large-member", name=name)
    return data


def _copy(archive: zipfile.ZipFile, name: str, goal: Path) -> str:
    """Unpack one member, counting what really comes; gives its SHA-256."""
    digest, total, promised = hashlib.sha256(), 0, archive.getinfo(name).file_size
    with archive.open(name) as stream, goal.open("xb") as out:
        while block := stream.read(_BLOCK):
            total += len(block)
            if total > promised:
                raise broken("damaged.larger-than-said", name=name)
            digest.update(block)
            out.write(block)
    return digest.hexdigest()


def _write_anew(file: Path) -> None:
    """Its pixels alone: no EXIF, no place, nothing behind the picture's end."""
    save_picture(open_picture(file), file, ai_made=file.stem == "face_id")


_KINDS: dict[str, Callable[[Path], object]] = {  # by every suffix that `is_ours` lets in
    ".png": _write_anew,
    ".jpg": _write_anew,
    ".safetensors": check_whole,
    ".json": read_report,
}
