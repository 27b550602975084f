"""The header of a safetensors file, checked by hand: reading it runs nothing and loads nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from easyphoto.domain import ModelFamily
from easyphoto.errors import BadModel

_LARGEST_HEADER = 100_000_000  # the format's own limit
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
_BYTES |= {"U16": 2, "U32": 4, "U64": 8, "F8_E4M3": 1, "F8_E5M2": 1}


@dataclass(frozen=True)
class Header:
    """Names and shapes of the tensors, and the free text beside them."""

    shapes: dict[str, tuple[int, ...]]
    metadata: dict[str, str]

    @property
    def rank(self) -> int:
        """Of a LoRA in kohya's format: rows of the first down matrix; 0 when there is none."""
        downs = (shape for name, shape in self.shapes.items() if name.endswith(".lora_down.weight") and shape)
        return next(downs, (0,))[0]

    @property
    def family(self) -> ModelFamily:
        """SDXL has two text encoders; all others of the original's are SD 1.5."""
        double = any(name.startswith(("lora_te1_", "lora_te2_")) for name in self.shapes)
        return ModelFamily.SDXL if double else ModelFamily.SD15


def read_header(file: Path) -> Header:
    """Raises BadModel when length, JSON, types, shapes or offsets are not those of a sound file."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        rest = file.stat().st_size - 8 - length
        if not 2 <= length <= _LARGEST_HEADER or rest < 0:
            raise _bad(file, "its header has an impossible length")
        head = stream.read(length)
    try:
        facts = json.loads(head.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _bad(file, "its header is no JSON") from error
    if not isinstance(facts, dict):
        raise _bad(file, "its header is no table")
    metadata = facts.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(x, str) for pair in metadata.items() for x in pair):
        raise _bad(file, "its metadata is malformed")
    shapes = {name: _shape(file, entry, rest) for name, entry in facts.items()}
    if sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in facts.values()) != rest:
        raise _bad(file, "its tensors do not fill it")
    return Header(shapes, metadata)


def _bad(file: Path, why: str) -> BadModel:
    return BadModel(f"This is no sound safetensors file: {why}.", stage="library", file=file.name)


def _shape(file: Path, entry: Any, rest: int) -> tuple[int, ...]:
    """One tensor's shape, after its bytes were found to lie inside the file."""
    try:
        kind, shape, (start, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        size = _BYTES[kind]
        for side in shape:
            size *= side
        sound = all(isinstance(n, int) and n >= 0 for n in (*shape, start, end)) and start <= end <= rest
    except (KeyError, TypeError, ValueError) as error:
        raise _bad(file, "a tensor is malformed") from error
    if not sound or end - start != size:
        raise _bad(file, "a tensor lies outside the file")
    return shape
