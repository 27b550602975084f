"""Pictures as arrays: seeded noise."""

from __future__ import annotations

import numpy as np


def noise(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
