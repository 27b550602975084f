"""A cache of drawn faces, the frozen parts and a tiny model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from inpaint_world import TINY, mesh_at

from builtin_model.inpaint import network
from builtin_model.inpaint.cache import FaceCache, FaceRecord
from builtin_model.inpaint.parts import FaceInpaintModel, Frozen, read_frozen
from easyphoto.paths import shipped_models


@pytest.fixture(scope="session")
def cache() -> FaceCache:
    rng = np.random.default_rng(1)
    canvases = rng.integers(60, 200, (4, 20, 20, 3)).astype(np.uint8).repeat(16, 1).repeat(16, 2)
    records = [FaceRecord(f"set/{i}.jpg", "set", 1.0, 20.0 * i, held_out=i == 3) for i in range(4)]
    return FaceCache(tuple(records), canvases, np.stack([mesh_at((160, 160), 80)] * 4))


@pytest.fixture(scope="session")
def frozen() -> Frozen:
    (folder,) = shipped_models().glob("*/base")
    return read_frozen(folder)


@pytest.fixture
def model(frozen: Frozen) -> FaceInpaintModel:
    torch.manual_seed(0)
    return FaceInpaintModel(network.fresh_unet(TINY).eval(), frozen, ({"start": "random"},))
