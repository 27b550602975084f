"""The renderer of the experimental base model on a tiny network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from builtin_model.inpaint import network
from builtin_model.inpaint.lora import layers
from builtin_model.inpaint.parts import FaceInpaintModel, read_frozen, save
from easyphoto.domain import Box, ControlHint, Face, HintKind, LoraUse, Pose, RenderJob
from easyphoto.engines.local.engine import LocalEngine
from easyphoto.engines.local.inpaint_renderer import frame_job
from easyphoto.errors import BadModel, BadRequest
from easyphoto.paths import Paths, shipped_models
from easyphoto.progress import silent

TINY = {**network.UNET, "block_out_channels": (8, 8, 16), "norm_num_groups": 4, "attention_head_dim": 2}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    home = tmp_path_factory.mktemp("home")
    torch.manual_seed(0)
    frozen = read_frozen(shipped_models() / "builtin" / "base")
    save(FaceInpaintModel(network.fresh_unet(TINY), frozen), home / "models" / "builtin" / "inpaint")
    return LocalEngine(Paths(home, home / "models"), "cpu")


def job() -> RenderJob:
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (64, 64, 3)).astype(np.uint8))
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (16, 16, 48, 48))
    mesh = np.c_[rng.uniform(20, 44, (468, 2)), np.zeros(468)].astype(np.float32)
    face = Face(Box(16, 16, 48, 48), mesh[:5, :2], 1.0, Pose(0, 0, 0), mesh)
    hints = tuple(ControlHint(kind, picture, 0.5, kind is HintKind.CANNY, (face,)) for kind in HintKind)
    return RenderJob("experimental", "a portrait", "", picture, mask, 4, 1.0, 1.0, 3, hints)


def test_it_is_offered_and_takes_every_hint(engine: LocalEngine):
    assert [one.name for one in engine.checkpoints()] == ["experimental"]
    rendered = engine.render(job(), silent)
    before, after = np.asarray(job().picture), np.asarray(rendered.picture)
    assert rendered.notes == ()  # the required hint of edges among them
    assert (before[:16] == after[:16]).all()
    assert (before != after).any()
    assert rendered.picture.tobytes() == engine.render(job(), silent).picture.tobytes()


def test_hints_become_channels():
    told = frame_job(job())
    assert told.mesh is not None
    assert told.color is not None
    assert told.reference is told.frame
    bare = frame_job(replace(job(), hints=()))
    assert (bare.mesh, bare.color, bare.reference) == (None, None, None)
    without = frame_job(replace(job(), hints=tuple(replace(hint, weight=0.0) for hint in job().hints)))
    assert (without.mesh, without.color, without.reference) == (None, None, None)


def test_a_lora_of_its_layers_counts_and_is_gone_afterwards(engine: LocalEngine, tmp_path: Path):
    plain = engine.render(job(), silent).picture.tobytes()
    rng, tensors = torch.Generator().manual_seed(0), {}
    for name, layer in layers(network.fresh_unet(TINY)):
        out, inner = layer.weight.shape[0], layer.weight.shape[1:]
        tensors[f"{name}.lora_down.weight"] = torch.randn(2, *inner, generator=rng)
        tensors[f"{name}.lora_up.weight"] = torch.randn(out, 2, *[1] * (len(inner) - 1), generator=rng)
    save_file(tensors, tmp_path / "lora.safetensors")
    with_lora = replace(job(), loras=(LoraUse(tmp_path / "lora.safetensors", 0.5),))
    assert engine.render(with_lora, silent).picture.tobytes() != plain
    assert engine.render(job(), silent).picture.tobytes() == plain


def test_a_lora_of_another_model_is_refused(engine: LocalEngine, tmp_path: Path):
    """As that of a person who was trained on the former base model."""
    foreign = {"lora_unet_mid_block_nowhere.lora_down.weight": torch.zeros(2, 4),
               "lora_unet_mid_block_nowhere.lora_up.weight": torch.zeros(4, 2)}  # fmt: skip
    save_file(foreign, tmp_path / "old.safetensors")
    with pytest.raises(BadModel, match="does not fit"):
        engine.render(replace(job(), loras=(LoraUse(tmp_path / "old.safetensors", 1.0),)), silent)


def test_only_squares_are_painted(engine: LocalEngine):
    wide = Image.new("RGB", (96, 64))
    with pytest.raises(BadRequest, match="96 x 64"):
        engine.render(replace(job(), picture=wide, mask=Image.new("L", (96, 64), 255), hints=()), silent)
