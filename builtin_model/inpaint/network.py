"""The U-Net of the inpainting model: its shape, its 46 input channels, and its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

LATENTS = 12

CHANNELS = {"noisy": LATENTS, "known": LATENTS, "mask": 1, "geometry": 6, "color": 3, "reference": LATENTS}
"""Input channels in their order; all but the first are the conditions."""

UNET: dict[str, Any] = {
    "sample_size": 32,
    "in_channels": sum(CHANNELS.values()),
    "out_channels": LATENTS,
    "block_out_channels": (64, 192, 288),
    "down_block_types": ("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
    "layers_per_block": 1,
    "cross_attention_dim": 192,
    "attention_head_dim": 4,  # heads, as diffusers reads it
}

SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}

WEIGHTS = "diffusion_pytorch_model.safetensors"
_HISTORY = "training_history"


def fresh_unet(config: dict[str, Any] = UNET) -> Any:
    """A UNet2DConditionModel with random weights."""
    return UNet2DConditionModel(**config)


def fresh_scheduler() -> Any:
    """The DDIMScheduler whose schedule the model is trained on."""
    return DDIMScheduler(**SCHEDULE)


def read_unet(file: Path, config: dict[str, Any] = UNET) -> tuple[Any, list[dict[str, Any]]]:
    """(the U-Net of a safetensors file or of a folder with one in float32, what its metadata tells of its training)."""
    file = file / WEIGHTS if file.is_dir() else file
    with safe_open(file, "pt") as tensors:
        weights = {name: tensors.get_tensor(name).float() for name in tensors.keys()}  # noqa: SIM118
        history = json.loads((tensors.metadata() or {}).get(_HISTORY, "[]"))
    unet = fresh_unet(config)
    unet.load_state_dict(without_class_embedding(weights))
    return unet, history


def without_class_embedding(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same network for weights that were trained with class labels of zero: the label's bias joins the time's."""
    kept = {name: tensor for name, tensor in weights.items() if not name.startswith("class_embedding.")}
    if len(kept) < len(weights):
        kept["time_embedding.linear_2.bias"] = kept["time_embedding.linear_2.bias"] + weights["class_embedding.bias"]
    return kept


def write_unet(unet: Any, folder: Path, history: list[dict[str, Any]]) -> None:
    """`folder`/config.json and the weights in bf16, with their history in the metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    unet.save_config(folder)
    weights = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in unet.state_dict().items()}
    aside = folder / (WEIGHTS + ".part")
    save_file(weights, aside, metadata={"format": "pt", _HISTORY: json.dumps(history)})
    aside.replace(folder / WEIGHTS)
