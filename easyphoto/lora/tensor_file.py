"""safetensors files with numpy alone: a header checked before it is believed, tensors read one by one.

Format: 8 bytes little-endian header length, JSON header {name: {dtype, shape, data_offsets}}, tensor bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from easyphoto.errors import BadModel

HEADER_LIMIT = 16 * 1024 * 1024
_METADATA = "__metadata__"
_SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
_WRITTEN = {"float32": "F32", "float16": "F16"}


@dataclass(frozen=True)
class Entry:
    """Where a tensor lies; `start` counts from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Header:
    """What a file says it holds; offsets, sizes and types are checked against the file's length."""

    file: Path
    tensors: Mapping[str, Entry]
    metadata: Mapping[str, str]
    data_start: int


def read_header(file: Path) -> Header:
    """The header alone. Raises BadModel when the file is missing, cut, or says what cannot be."""
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if not 2 <= length <= min(HEADER_LIMIT, size - 8):
                raise _bad(file, f"its header would be {length} bytes long")
            content = json.loads(opened.read(length).decode("utf-8"))
    except OSError as problem:
        raise _bad(file, f"it cannot be read ({problem.strerror})") from problem
    except (ValueError, RecursionError) as problem:
        raise _bad(file, "its header is not JSON") from problem
    if not isinstance(content, dict):
        raise _bad(file, "its header is not an object")
    metadata = content.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _bad(file, "its metadata is not text")
    tensors = {name: _entry(file, name, value) for name, value in content.items()}
    _check_layout(file, tensors, size - 8 - length)
    return Header(file, tensors, metadata, 8 + length)


def _entry(file: Path, name: str, value: Any) -> Entry:
    try:
        dtype, shape, (start, end) = value["dtype"], tuple(value["shape"]), value["data_offsets"]
        numbers = (*shape, start, end)
        sound = dtype in _SIZES and all(type(n) is int and n >= 0 for n in numbers) and len(shape) <= 8
    except (KeyError, TypeError, ValueError) as problem:
        raise _bad(file, f"tensor {name[:80]!r} is not described properly") from problem
    if not sound or end - start != math.prod(shape) * _SIZES[dtype]:
        raise _bad(file, f"tensor {name[:80]!r} has an impossible type, shape or place")
    return Entry(dtype, shape, start, end)


def _check_layout(file: Path, tensors: Mapping[str, Entry], size: int) -> None:
    """Tensors follow each other without gap or overlap and fill the file."""
    at = 0
    for entry in sorted(tensors.values(), key=lambda one: (one.start, one.end)):
        if entry.start != at:
            raise _bad(file, "its tensors overlap or leave gaps")
        at = entry.end
    if at != size:
        raise _bad(file, f"it is {size - at:+d} bytes longer than its tensors (cut off?)")


def _bad(file: Path, why: str) -> BadModel:
    return BadModel(f"This is not a sound safetensors file: {why}.", stage="model file", file=str(file))


class TensorFile:
    """A checked file whose tensors are read when asked for."""

    def __init__(self, file: Path) -> None:
        self.header = read_header(file)

    def read(self, name: str) -> NDArray[np.float32]:
        """The tensor as float32. Raises BadModel when it is missing, of whole numbers, or not finite."""
        header = self.header
        if name not in header.tensors:
            raise _bad(header.file, f"tensor {name!r} is missing")
        entry = header.tensors[name]
        with header.file.open("rb") as opened:
            opened.seek(header.data_start + entry.start)
            raw = opened.read(entry.end - entry.start)
        values = _decode(header.file, raw, entry).reshape(entry.shape)
        if not np.isfinite(values).all():
            raise _bad(header.file, f"tensor {name!r} holds numbers that are not finite")
        return values


def _decode(file: Path, raw: bytes, entry: Entry) -> NDArray[np.float32]:
    if entry.dtype == "BF16":
        return (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4").astype(np.float32)
    if entry.dtype not in _FLOATS:
        raise _bad(file, f"{entry.dtype} is no type of weights")
    return np.frombuffer(raw, _FLOATS[entry.dtype]).astype(np.float32)


def write_tensors(file: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write float32 or float16 tensors; under a temporary name first, so that the file is whole or absent."""
    part = file.with_name(file.name + ".part")
    file.parent.mkdir(parents=True, exist_ok=True)
    with part.open("wb") as opened:
        opened.write(_head(tensors, metadata))
        for array in tensors.values():
            opened.write(_bytes(array))
        opened.flush()
        os.fsync(opened.fileno())
    part.replace(file)


def _head(tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    entries: dict[str, Any] = {_METADATA: dict(metadata)} if metadata else {}
    at = 0
    for name, array in tensors.items():
        entries[name] = {"dtype": _WRITTEN[array.dtype.name], "shape": list(array.shape)}
        entries[name]["data_offsets"] = [at, at + array.nbytes]
        at += array.nbytes
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _bytes(array: NDArray[Any]) -> bytes:
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(little).tobytes()


def hashes(tensors: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """WebUI's `sshs_model_hash` (SHA-256 of the tensor bytes) and `sshs_legacy_hash` (64 kB at offset 1 MB)."""
    body = b"".join(_bytes(array) for array in tensors.values())
    whole = _head(tensors, {}) + body
    return {
        "sshs_model_hash": hashlib.sha256(body).hexdigest(),
        "sshs_legacy_hash": hashlib.sha256(whole[0x100000 : 0x100000 + 0x10000]).hexdigest()[:8],
    }
