"""Toy models as diffusers folders and as an original single file, and a short job for them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from fake_webui import FakeWebui
from lora_files import write_lora
from PIL import Image

from easyphoto.domain import RenderJob
from easyphoto.engines.webui.engine import WebuiEngine
from easyphoto.paths import Paths


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with `weights`, and `models` with toy configs; read only."""
    from original_format import to_original
    from toy_models import attention_modules, toy_control, toy_sd15, toy_sdxl

    root = tmp_path_factory.mktemp("toys")
    small, large = toy_sd15(), toy_sdxl()
    small.save_pretrained(root / "weights" / "small")
    large.save_pretrained(root / "weights" / "large")
    to_original(small, root / "weights" / "single.safetensors")
    toy_control(small.unet).save_pretrained(root / "weights" / "controlnet" / "toy_canny")
    toy_control(large.unet).save_pretrained(root / "weights" / "controlnet" / "toy_xl_canny")
    write_lora(root / "small_lora.safetensors", attention_modules(small.unet, "lora_unet"), 4.0)
    write_lora(root / "misfit_lora.safetensors", attention_modules(small.unet, "lora_unet", width=5), 4.0)
    configs = root / "models" / "configs" / "sd15"
    for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        shutil.copytree(root / "weights" / "small" / part, configs / part, ignore=shutil.ignore_patterns("*.safe*"))
    index = json.loads((root / "weights" / "small" / "model_index.json").read_text())
    (configs / "model_index.json").write_text(json.dumps(index))
    return root


@pytest.fixture
def toy_paths(toys: Path) -> Paths:
    """Paths onto the toys."""
    return Paths(toys, models=toys / "models")


@pytest.fixture(scope="session")
def picture(astronaut: Path) -> Image.Image:
    """A face, 68 x 60 pixels: not a multiple of eight."""
    return Image.open(astronaut).convert("RGB").crop((160, 20, 296, 140)).resize((68, 60))


@pytest.fixture(scope="session")
def job(picture: Image.Image) -> RenderJob:
    """A short job on the middle of the picture."""
    mask = Image.new("L", picture.size)
    mask.paste(255, (16, 12, 52, 48))
    return RenderJob("small", "1person", "blurry", picture, mask, steps=4, strength=0.5, cfg_scale=2.0, seed=7)


@pytest.fixture(params=["a1111", "forge", "forge_neo", "reforge"])
def webui(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeWebui:
    """Each of the hosts in turn, installed as the one of this process."""
    return _installed(request.param, tmp_path, monkeypatch)


@pytest.fixture
def a1111(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeWebui:
    """AUTOMATIC1111's alone."""
    return _installed("a1111", tmp_path, monkeypatch)


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeWebui:
    """Forge alone."""
    return _installed("forge", tmp_path, monkeypatch)


def _installed(kind: str, root: Path, patch: pytest.MonkeyPatch) -> FakeWebui:
    host = FakeWebui(kind, root)
    host.install(patch)
    patch.setattr("easyphoto.engines.webui.host_queue.POLL", 0.01)
    return host


@pytest.fixture
def host_job(job: RenderJob) -> RenderJob:
    """The short job on the host's first checkpoint."""
    return replace(job, checkpoint="one")


@pytest.fixture
def engine() -> WebuiEngine:
    """The engine in a WebUI; tests of another engine have their own."""
    return WebuiEngine()
