"""What a single-file checkpoint or ControlNet is beyond its family, read from its header before anything is loaded."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from easyphoto.engines.vae_files import IN_CHECKPOINT
from easyphoto.errors import BadModel
from easyphoto.tensor_file import Header

Shapes = Mapping[str, tuple[int, ...]]

_FIRST = "model.diffusion_model.input_blocks.0.0.weight"
OLD_TEXT = "cond_stage_model.transformer."
"""Prefix of the text encoder in every file; older merges lack the level `text_model` behind it."""
_EDM = ("edm_mean", "edm_vpred.sigma_max")
TEXT_TO_IMAGE, INPAINTING = 4, 9
"""Channels that a U-Net takes: latents, or latents, mask and the masked picture's latents."""


@dataclass(frozen=True)
class CheckpointTraits:
    """Of one file."""

    in_channels: int  # 4, or 9 of an inpainting checkpoint
    v_prediction: bool = False  # its U-Net gives the velocity (Salimans & Ho 2022)
    zero_snr: bool = False  # its noise ends without any signal (Lin et al. 2023)
    old_text_names: bool = False  # its text encoder's weights lack transformers' level `text_model`

    @property
    def scheduler(self) -> dict[str, Any]:
        """What its scheduler's configuration is told."""
        told = {"prediction_type": "v_prediction"} if self.v_prediction else {}
        return {**told, "rescale_betas_zero_snr": True} if self.zero_snr else told


def traits_of(header: Header, has_vae: bool = False) -> CheckpointTraits:
    """Told from names and shapes; `has_vae`: one from elsewhere stands in for the file's own.

    Raises BadModel for what no pipeline of ours paints rightly, saying what it is.
    """
    shapes, file = header.shapes, header.file
    if any(name in shapes for name in _EDM):
        raise _refused("engine.edm-checkpoint", file)
    channels = shapes[_FIRST][1] if _FIRST in shapes else 0
    if channels not in (TEXT_TO_IMAGE, INPAINTING):
        raise _refused("engine.other-channels", file, channels=channels)
    if not has_vae and not any(name.startswith(IN_CHECKPOINT) for name in shapes):
        raise _refused("engine.checkpoint-without-vae", file)
    old = any(name.startswith(f"{OLD_TEXT}embeddings.") for name in shapes)
    return CheckpointTraits(channels, "v_pred" in shapes, "ztsnr" in shapes, old)


def check_depth(header: Header, config: Path) -> None:
    """Raise BadModel when the U-Net has fewer transformer blocks than its family's, as distilled ones have."""
    wanted = json.loads((config / "unet" / "config.json").read_text(encoding="utf-8"))
    depths = wanted.get("transformer_layers_per_block", 1)
    deepest = (depths if isinstance(depths, int) else depths[-1]) - 1
    block = f"model.diffusion_model.middle_block.1.transformer_blocks.{deepest}."
    if not any(name.startswith(block) for name in header.shapes):
        raise _refused("engine.distilled-checkpoint", header.file)


def _refused(code: str, file: Path, **params: Any) -> BadModel:
    return BadModel(code, stage="model", file=str(file), **params)


# ---------------------------------------------------------------- ControlNets

_LDM = "control_model."
_LDM_BLOCK = re.compile(r"^input_blocks\.(\d+)\.1\.transformer_blocks\.(\d+)\.")
_BLOCK = re.compile(r"^down_blocks\.(\d+)\.attentions\.\d+\.transformer_blocks\.(\d+)\.")
_MIDDLE = re.compile(r"^(?:middle_block\.1|mid_block\.attentions\.0)\.transformer_blocks\.(\d+)\.")


def fit_controlnet(names: list[str], config: Mapping[str, Any]) -> dict[str, Any]:
    """The family's configuration at the depth that the file has: full, mid and small SDXL ones differ in it alone.

    `names` are of the tensors, in diffusers' or the original layout.
    """
    stride = config["layers_per_block"] + 1  # input blocks of a level: its resnets and its downsampler
    depths, middle = [0] * len(config["block_out_channels"]), 0
    for name in (one.removeprefix(_LDM) for one in names):
        if found := _LDM_BLOCK.match(name):
            level = (int(found[1]) - 1) // stride
        elif found := _BLOCK.match(name):
            level = int(found[1])
        elif found := _MIDDLE.match(name):
            middle = max(middle, int(found[1]) + 1)
            continue
        else:
            continue
        depths[level] = max(depths[level], int(found[2]) + 1)
    return {
        **config,
        "down_block_types": ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths],
        "mid_block_type": "UNetMidBlock2DCrossAttn" if middle else "UNetMidBlock2D",
        "transformer_layers_per_block": [*(depth or 1 for depth in depths[:-1]), depths[-1] or middle or 1],
    }


def added_embedding(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """SDXL's embedding of sizes and pooled text from the original layout, which diffusers' conversion leaves out."""
    layers = {"label_emb.0.0.": "add_embedding.linear_1.", "label_emb.0.2.": "add_embedding.linear_2."}
    return {
        new + name.removeprefix(_LDM).removeprefix(old): one
        for name, one in tensors.items()
        for old, new in layers.items()
        if name.removeprefix(_LDM).startswith(old)
    }
