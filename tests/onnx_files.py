"""ONNX files without the package of that name: a chain of nodes with float weights, written as protobuf."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

FLOAT, INT64 = 1, 7


@dataclass(frozen=True)
class Node:
    """An operation on named values."""

    kind: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    settings: Mapping[str, int | float | Sequence[int]] = field(default_factory=dict)


def write_onnx(
    file: Path,
    nodes: Sequence[Node],
    weights: Mapping[str, Any],
    inputs: Mapping[str, Sequence[int]],
    outputs: Mapping[str, Sequence[int]],
) -> Path:
    """The file, with those nodes in that order (opset 13)."""
    graph = b"".join(_chunk(1, _node(node)) for node in nodes) + _chunk(2, b"toy")
    graph += b"".join(_chunk(5, _tensor(name, np.asarray(value))) for name, value in weights.items())
    for place, values in ((11, inputs), (12, outputs)):
        graph += b"".join(_chunk(place, _value(name, shape)) for name, shape in values.items())
    opset = _chunk(1, b"") + _number(2, 13)
    file.write_bytes(_number(1, 8) + _chunk(7, graph) + _chunk(8, opset))
    return file


def _node(node: Node) -> bytes:
    names = b"".join(_chunk(1, one.encode()) for one in node.inputs)
    names += b"".join(_chunk(2, one.encode()) for one in node.outputs)
    return names + _chunk(4, node.kind.encode()) + b"".join(_chunk(5, _setting(*one)) for one in node.settings.items())


def _setting(name: str, value: int | float | Sequence[int]) -> bytes:
    made = _chunk(1, name.encode())
    if isinstance(value, float):
        return made + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, 1)
    if isinstance(value, int):
        return made + _number(3, value) + _number(20, 2)
    return made + b"".join(_number(8, one) for one in value) + _number(20, 7)


def _tensor(name: str, value: Any) -> bytes:
    kind = INT64 if value.dtype.kind == "i" else FLOAT
    raw = value.astype(np.int64 if kind == INT64 else np.float32).tobytes()
    return (
        b"".join(_number(1, side) for side in value.shape)
        + _number(2, kind)
        + _chunk(8, name.encode())
        + _chunk(9, raw)
    )


def _value(name: str, shape: Sequence[int]) -> bytes:
    sides = b"".join(_chunk(1, _number(1, side)) for side in shape)
    return _chunk(1, name.encode()) + _chunk(2, _chunk(1, _number(1, FLOAT) + _chunk(2, sides)))


def _number(place: int, value: int) -> bytes:
    return _varint(place << 3) + _varint(value)


def _chunk(place: int, data: bytes) -> bytes:
    return _varint(place << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])
