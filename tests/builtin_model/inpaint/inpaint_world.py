"""A tiny inpainting model's configuration, a drawn mesh and picture."""

from __future__ import annotations

import numpy as np

from builtin_model.inpaint import network
from builtin_model.inpaint.frame import SIDE
from builtin_model.mesh_indices import OVAL

TINY = {
    **network.UNET,
    "block_out_channels": (8, 8, 16),
    "norm_num_groups": 4,
    "attention_head_dim": 2,
}


def mesh_at(center: tuple[float, float], radius: float) -> np.ndarray:
    """468 points: the oval on a circle, everything else well inside it."""
    rng = np.random.default_rng(0)
    mesh = np.asarray(center) + rng.uniform(-0.4, 0.4, (468, 2)) * radius
    turn = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    mesh[list(OVAL)] = np.asarray(center) + radius * np.column_stack([np.sin(turn), -np.cos(turn)])
    return mesh.astype(np.float32)


def portrait(side: int = SIDE) -> np.ndarray:
    rng = np.random.default_rng(2)
    return rng.integers(40, 220, (side // 8, side // 8, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
