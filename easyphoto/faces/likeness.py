"""What distances between face embeddings mean: robust center, outliers, words.

All distances are L2 between rows that one recogniser made; its `Recogniser` carries the thresholds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easyphoto.domain import Floats, LikenessLevel
from easyphoto.faces.base import Recognizer


def distances(rows: ArrayLike, one: ArrayLike) -> Floats:
    """(n,) distances of (n, d) rows to a (d,) vector."""
    return np.asarray(np.linalg.norm(np.asarray(rows) - np.asarray(one), axis=-1), np.float32)


def distance(one: ArrayLike, other: ArrayLike) -> float:
    """Of two (d,) vectors."""
    return float(np.linalg.norm(np.asarray(one, np.float64) - np.asarray(other, np.float64)))


def robust_center(rows: ArrayLike, rounds: int = 50) -> Floats:
    """The geometric median (d,) of (n, d) rows: strangers among them, if fewer than half, hardly move it.

    Weiszfeld's iteration, from the coordinate-wise median. Raises ValueError for no rows.
    """
    x = np.asarray(rows, np.float64)
    if x.ndim != 2 or len(x) == 0:
        raise ValueError(f"need (n, d) rows with n > 0, got {x.shape}")
    center = np.median(x, axis=0)
    for _ in range(rounds):
        weights = 1 / np.maximum(np.linalg.norm(x - center, axis=1), 1e-6)
        moved = weights @ x / weights.sum()
        if np.linalg.norm(moved - center) < 1e-7:
            break
        center = moved
    return np.asarray(center, np.float32)


def outliers(rows: ArrayLike, recognizer: Recognizer) -> NDArray[np.bool_]:
    """(n,) True for rows farther from the robust centre than the recogniser's `strict`.

    A centre is nearer to its own than one photo to another, hence `strict` and not `same`. With fewer than three
    rows nothing can be called the odd one out: all False.
    """
    x = np.asarray(rows, np.float64)
    if len(x) < 3:
        return np.zeros(len(x), np.bool_)
    return np.asarray(distances(x, robust_center(x)) > recognizer.strict)


def level_of(gap: float, recognizer: Recognizer) -> LikenessLevel:
    """What a distance means."""
    if gap <= recognizer.strict:
        return LikenessLevel.SAME_PERSON
    if gap <= recognizer.same:
        return LikenessLevel.RESEMBLES
    return LikenessLevel.FAINT if gap <= recognizer.same * 1.25 else LikenessLevel.SOMEONE_ELSE
