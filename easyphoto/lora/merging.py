"""Merging LoRAs in the space of their products, exactly or to the nearest of a rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from easyphoto.errors import BadModel, BadRequest
from easyphoto.lora.inspection import ALPHA, DOWN, UP, modules_of
from easyphoto.tensor_file import Header, TensorFile, hashes, write_tensors

Matrix = NDArray[np.float32]
Tensors = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class Factors:
    """A change of a layer as (up, down), scale included: up (out, r), down (r, in * k * k)."""

    up: Matrix
    down: Matrix

    @property
    def product(self) -> Matrix:
        """The dense change, (out, in * k * k)."""
        dense: Matrix = self.up @ self.down
        return dense


def merge(weighted: Sequence[tuple[Path, float]], out: Path, mode: str) -> None:
    """Write the weighted sum of LoRAs to `out`, complete or not at all; metadata is the last file's.

    `mode` "exact" concatenates (ranks add up), "rank" cuts back to the largest rank by SVD, which is the nearest
    LoRA of that rank. Raises BadModel for files that do not fit each other, BadRequest for an unknown mode.
    """
    if mode not in ("exact", "rank"):
        raise BadRequest("lora.unknown-merge-mode", stage="merge", mode=mode)
    if not weighted:
        raise BadRequest("lora.nothing-to-merge", stage="merge")
    files = [TensorFile(file) for file, _ in weighted]
    names = _common_modules([opened.header for opened in files])
    rank = max(opened.header.shapes[name + DOWN][0] for opened in files for name in names)
    tensors: Tensors = {}
    for name in names:
        parts = [_factors(opened, name, weight) for opened, (_, weight) in zip(files, weighted, strict=True)]
        joined = concatenate(parts)
        tensors |= _entries(name, truncate(joined, rank) if mode == "rank" else joined, files[0])
    metadata = {**files[-1].header.metadata, **_merge_note(weighted, mode, tensors)}
    write_tensors(out, tensors, {**metadata, **hashes(tensors)})


def concatenate(parts: Sequence[Factors]) -> Factors:
    """The exact sum: its product is the sum of the parts' products, its rank the sum of their ranks."""
    return Factors(np.concatenate([p.up for p in parts], axis=1), np.concatenate([p.down for p in parts], axis=0))


def truncate(factors: Factors, rank: int) -> Factors:
    """The nearest factors of at most `rank` in the Frobenius norm (Eckart and Young 1936).

    Never forms a matrix larger than the smaller of (out, in) and (r, r): QR of both factors, SVD between.
    """
    if factors.up.shape[1] <= rank:
        return factors
    left, between = np.linalg.qr(factors.up.astype(np.float64))
    right, between_right = np.linalg.qr(factors.down.T.astype(np.float64))
    u, sizes, v = np.linalg.svd(between @ between_right.T, full_matrices=False)
    root = np.sqrt(sizes[:rank])  # shared between both, so that neither leaves fp16's range
    up = (left @ u[:, :rank]) * root
    down = root[:, None] * (v[:rank] @ right.T)
    return _padded(up.astype(np.float32), down.astype(np.float32), rank)


def _padded(up: Matrix, down: Matrix, rank: int) -> Factors:
    """With zeros up to `rank`, so that all modules of a file keep one rank."""
    missing = rank - up.shape[1]
    return Factors(np.pad(up, ((0, 0), (0, missing))), np.pad(down, ((0, missing), (0, 0))))


def _factors(opened: TensorFile, name: str, weight: float) -> Factors:
    """One module's change times `weight`, which both factors share."""
    down, up = opened.read(name + DOWN), opened.read(name + UP)
    rank = down.shape[0]
    alpha = float(opened.read(name + ALPHA).reshape(-1)[0]) if name + ALPHA in opened.header.shapes else float(rank)
    scale = weight * alpha / rank
    root = abs(scale) ** 0.5
    return Factors(up.reshape(up.shape[0], -1) * np.float32(np.copysign(root, scale)), down.reshape(rank, -1) * root)


def _entries(name: str, factors: Factors, pattern: TensorFile) -> Tensors:
    """The tensors of a module in the file, convolutions in their shape again; alpha = rank, as scale is inside."""
    rank = factors.up.shape[1]
    shape_down = (rank, *pattern.header.shapes[name + DOWN][1:])
    shape_up = (factors.up.shape[0], rank, *pattern.header.shapes[name + UP][2:])
    return {
        name + DOWN: factors.down.reshape(shape_down).astype(np.float16),
        name + UP: factors.up.reshape(shape_up).astype(np.float16),
        name + ALPHA: np.array(rank, dtype=np.float32),
    }


def _common_modules(headers: Sequence[Header]) -> list[str]:
    """Modules that all files have, with equal layer shapes. Raises BadModel when they differ."""
    first = headers[0]
    names = modules_of(first)
    for other in headers[1:]:
        same = modules_of(other) == names and all(_layer(first, name) == _layer(other, name) for name in names)
        if not same:
            raise BadModel(
                "lora.other-modules", stage="merge", file=str(other.file), other=other.file.name, first=first.file.name
            )
    return names


def _layer(header: Header, name: str) -> tuple[tuple[int, ...], int]:
    return header.shapes[name + DOWN][1:], header.shapes[name + UP][0]


def _merge_note(weighted: Sequence[tuple[Path, float]], mode: str, tensors: Tensors) -> dict[str, str]:
    rank = max(tensor.shape[0] for name, tensor in tensors.items() if name.endswith(DOWN))
    recipe = ", ".join(f"{file.name}*{weight:g}" for file, weight in weighted)
    return {"ss_network_dim": str(rank), "ss_network_alpha": str(float(rank)), "easyphoto_merge": f"{mode}: {recipe}"}
