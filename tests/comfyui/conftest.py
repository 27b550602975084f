from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_comfyui import FakeComfyui, open_comfyui
from fakes import FakeEngine, draw_faces, fake_toolboxes

from easyphoto.studio import Studio


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeComfyui:
    return open_comfyui(tmp_path, monkeypatch)


@pytest.fixture
def studio(host: FakeComfyui, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """Of the nodes: with faces that are ellipses and an engine that brightens."""
    from easyphoto.comfyui import runtime

    made = Studio(runtime.paths(), FakeEngine(), fake_toolboxes(runtime.paths()))  # type: ignore[arg-type]
    monkeypatch.setattr(runtime, "_studio_in", lambda root: made)
    return made


@pytest.fixture
def image() -> Any:
    """Makes an IMAGE of one picture with a face for every center; colored alike."""
    import torch

    def make(*centers: int, color: tuple[int, int, int] = (235, 190, 170), size: tuple[int, int] = (700, 500)) -> Any:
        drawn = draw_faces(size, [((x, size[1] // 2), 120, color) for x in centers])
        return torch.from_numpy(drawn.astype(np.float32) / 255)[None]

    return make
