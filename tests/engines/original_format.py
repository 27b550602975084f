"""Writes an SD 1.5 pipeline as the single file that the original code would have written (names restated as facts)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def to_original(pipe: Any, file: Path) -> None:
    from safetensors.torch import save_file

    tensors = {f"model.diffusion_model.{unet_name(k)}": v for k, v in pipe.unet.state_dict().items()}
    for name, tensor in pipe.vae.state_dict().items():
        new = vae_name(name)
        flat = "attentions" in name and tensor.ndim == 2
        tensors[f"first_stage_model.{new}"] = tensor[..., None, None] if flat else tensor
    for name, tensor in pipe.text_encoder.state_dict().items():
        inner = name if name.startswith("text_model.") else f"text_model.{name}"
        tensors[f"cond_stage_model.transformer.{inner}"] = tensor
    save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, file)


def unet_name(name: str) -> str:
    for new, old in _UNET_ENDS.items():
        if name.startswith(new + "."):
            return name.replace(new, old, 1)
    for pattern, place in (
        (r"down_blocks\.(\d)\.(resnets|attentions)\.(\d)\.", _down),
        (r"up_blocks\.(\d)\.(resnets|attentions)\.(\d)\.", _up),
        (r"mid_block()\.(resnets|attentions)\.(\d)\.", _middle),
    ):
        if found := re.match(pattern, name):
            rest = name[found.end() :]
            if found[2] == "resnets":
                part = next(key for key in _RESNET if rest.startswith(key + "."))
                rest = rest.replace(part, _RESNET[part], 1)
            return place(found) + rest
    if found := re.match(r"down_blocks\.(\d)\.downsamplers\.0\.conv", name):
        return name.replace(found[0], f"input_blocks.{3 * int(found[1]) + 3}.0.op")
    found = re.match(r"up_blocks\.(\d)\.upsamplers\.0\.conv", name)
    assert found, name
    return name.replace(found[0], f"output_blocks.{3 * int(found[1]) + 2}.{1 if found[1] == '0' else 2}.conv")


def _down(found: re.Match[str]) -> str:
    return f"input_blocks.{3 * int(found[1]) + int(found[3]) + 1}.{int(found[2] == 'attentions')}."


def _up(found: re.Match[str]) -> str:
    return f"output_blocks.{3 * int(found[1]) + int(found[3])}.{int(found[2] == 'attentions')}."


def _middle(found: re.Match[str]) -> str:
    return f"middle_block.{1 if found[2] == 'attentions' else 2 * int(found[3])}."


def vae_name(name: str) -> str:
    name = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{3 - int(m[1])}.block.{m[2]}", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", name)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    if "mid_block.attentions.0" in name:
        name = name.replace("mid_block.attentions.0", "mid.attn_1")
        for new, old in _VAE_ATTENTION.items():
            name = name.replace(f"attn_1.{new}.", f"attn_1.{old}.")
    return name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
