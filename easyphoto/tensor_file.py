"""safetensors files as numpy arrays: header, tensors, writing and hashes. What a sound file is, the library decides."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save, save_file

from easyphoto.errors import BadModel
from easyphoto.locales import message
from easyphoto.private_files import make_private, replacing
from easyphoto.system_errors import shortage_of


@dataclass(frozen=True)
class Header:
    """What a file holds: the shape of every tensor, and metadata."""

    file: Path
    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str]


def read_header(file: Path) -> Header:
    """The header alone, whatever the file's size. Raises BadModel when the file is missing, cut, or no safetensors."""
    with _opened(file) as opened:
        shapes = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
        return Header(file, shapes, dict(opened.metadata() or {}))


class TensorFile:
    """A checked file whose tensors are read when asked for."""

    def __init__(self, file: Path) -> None:
        self.header = read_header(file)

    def read(self, name: str) -> NDArray[np.float32]:
        """The tensor as float32. Raises BadModel when it is missing, of whole numbers, or not finite."""
        file = self.header.file
        if name not in self.header.shapes:
            raise _bad(file, "model-file.no-tensor", tensor=name)
        values = self._floats(name)
        if not np.isfinite(values).all():
            raise _bad(file, "model-file.not-finite", tensor=name)
        return values

    def _floats(self, name: str) -> NDArray[np.float32]:
        with _opened(self.header.file) as opened:
            if opened.get_slice(name).get_dtype() != "BF16":
                values = opened.get_tensor(name)
                if values.dtype.kind != "f":
                    raise _bad(self.header.file, "model-file.no-weights", kind=str(values.dtype))
                return np.asarray(values, np.float32)
        with _opened(self.header.file, "pt") as opened:  # numpy has no bfloat16
            return np.asarray(opened.get_tensor(name).float().numpy(), np.float32)


@contextmanager
def _opened(file: Path, framework: str = "np") -> Iterator[Any]:
    try:
        with safe_open(str(file), framework=framework) as opened:
            yield opened
    except OSError as problem:
        raise shortage_of(problem) or _bad(file, "model-file.unreadable", why=problem.strerror or problem) from problem
    except (SafetensorError, TypeError, ValueError) as problem:
        raise shortage_of(problem) or _bad(file, "plain", text=str(problem)) from problem


def _bad(file: Path, code: str, /, **params: Any) -> BadModel:
    """`code` is that of the reason."""
    return BadModel("model-file.unsound", stage="model file", file=str(file), why=message(code, **params))


def write_tensors(file: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write them under a temporary name first, so that the file is whole or absent."""
    make_private(file.parent)
    with replacing(file) as part:
        save_file(dict(tensors), str(part), dict(metadata) or None)
        with part.open("rb+") as written:
            os.fsync(written.fileno())


def hashes(tensors: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """WebUI's `sshs_model_hash` (SHA-256 of the tensor bytes) and `sshs_legacy_hash` (64 kB at offset 1 MB)."""
    whole = save(dict(tensors))
    start = 8 + int.from_bytes(whole[:8], "little")
    return {
        "sshs_model_hash": hashlib.sha256(whole[start:]).hexdigest(),
        "sshs_legacy_hash": hashlib.sha256(whole[0x100000 : 0x100000 + 0x10000]).hexdigest()[:8],
    }
