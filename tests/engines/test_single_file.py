"""Files as people have them: inpainting, velocity, distilled, without VAE, old names, ControlNets of other depths."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from original_format import to_original, unet_name
from safetensors.torch import load_file, save_file
from toy_models import WIDTHS, toy_sd15, toy_unet

from easyphoto.domain import ControlHint, HintKind, RenderJob
from easyphoto.engines.local.engine import LocalEngine
from easyphoto.engines.local.loading import open_control
from easyphoto.engines.local.pipelines import DevicePlacement
from easyphoto.engines.local.single_file import check_depth, traits_of
from easyphoto.errors import BadModel
from easyphoto.paths import Paths
from easyphoto.progress import silent
from easyphoto.tensor_file import read_header

Tensors = dict[str, Any]
FIRST = "model.diffusion_model.input_blocks.0.0.weight"
TEXT = "cond_stage_model.transformer."
FULL = DevicePlacement("cpu", torch.float32)


@pytest.fixture
def place(toys: Path, tmp_path: Path) -> Path:
    """A data folder of one's own with the toys' configurations."""
    shutil.copytree(toys / "models", tmp_path / "models")
    (tmp_path / "weights").mkdir()
    return tmp_path


def changed(toys: Path, place: Path, change: Callable[[Tensors], Tensors]) -> Path:
    """The toys' single file with other tensors."""
    file = place / "weights" / "other.safetensors"
    save_file(change(load_file(toys / "weights" / "single.safetensors")), file)
    return file


def rendered(place: Path, job: RenderJob) -> np.ndarray:
    engine = LocalEngine(Paths(place, models=place / "models"), device="cpu")
    return np.asarray(engine.render(replace(job, checkpoint="other"), silent).picture, int)


def test_an_inpainting_file_paints(place: Path, job: RenderJob):
    pipe = toy_sd15()
    pipe.unet = toy_unet(16, in_channels=9)
    to_original(pipe, place / "weights" / "other.safetensors")
    assert traits_of(read_header(place / "weights" / "other.safetensors")).in_channels == 9
    assert (rendered(place, job) != np.asarray(job.picture, int)).any()


def test_old_names_of_the_text_encoder_are_the_same_model(toys: Path, place: Path, job: RenderJob):
    def old(tensors: Tensors) -> Tensors:
        return {name.replace(f"{TEXT}text_model.", TEXT): one for name, one in tensors.items()}

    changed(toys, place, old)
    expected = LocalEngine(Paths(toys, models=toys / "models"), device="cpu").render(
        replace(job, checkpoint="single"), silent
    )
    assert np.abs(rendered(place, job) - np.asarray(expected.picture, int)).max() <= 1


def test_a_velocity_file_is_sampled_as_one(toys: Path, place: Path, job: RenderJob):
    marks = {"v_pred": torch.zeros(1), "ztsnr": torch.zeros(1)}
    changed(toys, place, lambda tensors: tensors | marks)
    engine = LocalEngine(Paths(place, models=place / "models"), device="cpu")
    engine.render(replace(job, checkpoint="other"), silent)
    assert engine._loaded is not None
    config = engine._loaded.base.scheduler.config
    assert (config.prediction_type, config.rescale_betas_zero_snr) == ("v_prediction", True)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda tensors: tensors | {"edm_mean": torch.zeros(4)}, "engine.edm-checkpoint"),
        (lambda tensors: tensors | {"edm_vpred.sigma_max": torch.zeros(1)}, "engine.edm-checkpoint"),
        (lambda tensors: tensors | {FIRST: torch.zeros(WIDTHS[0], 8, 3, 3)}, "engine.other-channels"),
        (
            lambda tensors: {n: t for n, t in tensors.items() if not n.startswith("first_stage_model.")},
            "engine.checkpoint-without-vae",
        ),
        (
            lambda tensors: {n: t for n, t in tensors.items() if ".middle_block.1." not in n},
            "engine.distilled-checkpoint",
        ),
    ],
)
def test_what_no_pipeline_paints_rightly_is_refused_by_its_name(
    toys: Path, place: Path, job: RenderJob, change: Callable[[Tensors], Tensors], code: str
):
    changed(toys, place, change)
    with pytest.raises(BadModel) as caught:
        rendered(place, job)
    assert caught.value.code == code


def test_a_full_sdxl_file_is_not_taken_for_a_distilled_one(tmp_path: Path):
    from easyphoto.paths import shipped_models

    config = shipped_models() / "configs" / "sdxl"
    block = "model.diffusion_model.middle_block.1.transformer_blocks.{}.norm1.weight"
    save_file({block.format(9): torch.zeros(1)}, tmp_path / "full.safetensors")
    save_file({block.format(3): torch.zeros(1)}, tmp_path / "small.safetensors")
    check_depth(read_header(tmp_path / "full.safetensors"), config)
    with pytest.raises(BadModel):
        check_depth(read_header(tmp_path / "small.safetensors"), config)


def test_a_folder_of_half_precision_files_alone(place: Path, job: RenderJob):
    toy_sd15().to(torch.float16).save_pretrained(place / "weights" / "other", variant="fp16")
    assert not (place / "weights" / "other" / "unet" / "diffusion_pytorch_model.safetensors").exists()
    assert (rendered(place, job) != np.asarray(job.picture, int)).any()


# ---------------------------------------------------------------- ControlNets

LEVELS = {
    "full": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "mid": ("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
    "small": ("DownBlock2D", "DownBlock2D", "DownBlock2D"),
}


def sdxl_control(size: str) -> Any:
    """A narrow SDXL ControlNet of that depth, its configuration as the family's but for widths."""
    from diffusers import ControlNetModel

    torch.manual_seed(3)
    return ControlNetModel(
        **CONFIG,
        down_block_types=LEVELS[size],
        mid_block_type="UNetMidBlock2D" if size == "small" else "UNetMidBlock2DCrossAttn",
        transformer_layers_per_block=[1, 1, 3] if size == "mid" else [1, 2, 3],
    )


CONFIG: dict[str, Any] = {
    "block_out_channels": (8, 16, 16),
    "cross_attention_dim": 32,
    "attention_head_dim": 2,
    "norm_num_groups": 4,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 64,
    "use_linear_projection": True,
}


def original_names(tensors: Tensors) -> Tensors:
    """As Stability's own code names a ControlNet's weights."""
    places = {"add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2"}
    hints = {"conv_in": 0, "conv_out": 14} | {f"blocks.{index}": 2 * index + 2 for index in range(6)}
    renamed = {}
    for name, one in tensors.items():
        if found := re.match(r"controlnet_cond_embedding\.(.+)\.(weight|bias)", name):
            new = f"input_hint_block.{hints[found[1]]}.{found[2]}"
        elif found := re.match(r"controlnet_down_blocks\.(\d+)\.(weight|bias)", name):
            new = f"zero_convs.{found[1]}.0.{found[2]}"
        elif found := re.match(r"controlnet_mid_block\.(weight|bias)", name):
            new = f"middle_block_out.0.{found[1]}"
        elif place := next((part for part in places if name.startswith(f"{part}.")), None):
            new = name.replace(place, places[place])
        else:
            new = unet_name(name)
        renamed[f"control_model.{new}"] = one
    return renamed


@pytest.mark.parametrize("size", LEVELS)
@pytest.mark.parametrize("original", [False, True])
def test_an_sdxl_controlnet_of_any_depth_in_either_layout(tmp_path: Path, size: str, original: bool):
    control = sdxl_control(size)
    tensors = control.state_dict()
    file = tmp_path / "canny.safetensors"
    save_file({n: t.contiguous() for n, t in (original_names(tensors) if original else tensors).items()}, file)
    sdxl_control("full").save_config(tmp_path / "config")
    opened = open_control(file, tmp_path / "config", FULL)
    assert {name: one.shape for name, one in opened.state_dict().items()} == {n: t.shape for n, t in tensors.items()}
    assert all(torch.equal(one, tensors[name]) for name, one in opened.state_dict().items())


@pytest.mark.parametrize("required", [False, True])
def test_a_controlnet_that_cannot_be_loaded_is_a_note_unless_required(
    toys: Path, place: Path, job: RenderJob, required: bool
):
    shutil.copytree(toys / "weights" / "small", place / "weights" / "other")
    folder = shutil.copytree(
        toys / "weights" / "controlnet" / "toy_canny", place / "weights" / "controlnet" / "toy_canny"
    )
    save_file({"nothing": torch.zeros(1)}, folder / "diffusion_pytorch_model.safetensors")
    hint = ControlHint(HintKind.CANNY, job.picture, 1.0, required=required)
    engine = LocalEngine(Paths(place, models=place / "models"), device="cpu")
    wanted = replace(job, checkpoint="other", hints=(hint,))
    if required:
        with pytest.raises(BadModel):
            engine.render(wanted, silent)
        return
    assert [note.code for note in engine.render(wanted, silent).notes] == ["controlnet.note.not-loaded"]
