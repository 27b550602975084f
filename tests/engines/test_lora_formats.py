"""LoRA files that diffusers itself has written, in peft's names, with convolutions and another rank."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from toy_models import toy_sd15

from easyphoto.domain import LoraUse, RenderJob
from easyphoto.engines.local.engine import LocalEngine
from easyphoto.engines.model_probe import lora_modules
from easyphoto.paths import Paths
from easyphoto.progress import silent


@pytest.fixture(scope="module")
def of_diffusers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA of rank 3 on attention and 3x3 convolutions of the U-Net."""
    folder, unet = tmp_path_factory.mktemp("peft"), toy_sd15().unet
    torch.manual_seed(1)
    unet.add_adapter(LoraConfig(r=3, lora_alpha=3, init_lora_weights=False, target_modules=["to_q", "to_v", "conv1"]))
    StableDiffusionPipeline.save_lora_weights(folder, get_peft_model_state_dict(unet))
    return folder / "pytorch_lora_weights.safetensors"


def test_every_module_finds_its_place_and_acts_by_its_weight(toy_paths: Paths, job: RenderJob, of_diffusers: Path):
    assert {"to_q", "conv1"} <= {name.split(".")[-1] for name in lora_modules(of_diffusers)}
    engine = LocalEngine(toy_paths, device="cpu")
    pictures = [
        np.asarray(engine.render(replace(job, loras=(LoraUse(of_diffusers, weight),)), silent).picture)
        for weight in (0.0, 1.0)
    ]
    assert (pictures[0] == np.asarray(engine.render(job, silent).picture)).all()
    assert (pictures[0] != pictures[1]).any()
