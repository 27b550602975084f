"""Whether bytes on disk are the file that they are taken for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

_BLOCK = 4 << 20
_PICKLE_OR_ZIP = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def _safetensors(head: bytes) -> bool:
    """A header's length, then the header's first brace."""
    return len(head) > 8 and 0 < int.from_bytes(head[:8], "little") < 100_000_000 and head[8:9] == b"{"


def _anything(head: bytes) -> bool:
    return True


def _begins(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(marks)


FORMATS: Mapping[str, Callable[[bytes], bool]] = MappingProxyType(
    {
        ".safetensors": _safetensors,
        ".onnx": _begins(b"\x08"),  # the field of the version
        **dict.fromkeys((".pt", ".pth", ".bin"), _begins(*_PICKLE_OR_ZIP)),
        ".mat": _begins(b"MATLAB"),
        ".jpg": _begins(b"\xff\xd8\xff"),
    }
)
"""How the first bytes of each kind of file are told."""


def has_format(file: Path, name: str) -> bool:
    """Whether it begins as files with such a name do; True for names that say nothing."""
    with file.open("rb") as opened:
        head = opened.read(64)
    return FORMATS.get(Path(name).suffix.lower(), _anything)(head)


def sha256_of(file: Path, beat: Callable[[int], None]) -> str:
    """Of the whole file, in hexadecimal. `beat` gets the number of bytes of each block; what it raises ends it."""
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK):
            digest.update(block)
            beat(len(block))
    return digest.hexdigest()
