"""Stable Diffusion XL and what was made from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from kohya_train.checkpoint_architecture import HEAD, UNET, Config, Shapes, fit_clip, fit_open_clip, fit_unet, fit_vae
from kohya_train.families.base import (
    TextEncoder,
    TextStates,
    TrainerSpec,
    WrongCount,
    plain_autoencoder,
    with_pipeline,
)

_OPEN_CLIP = "conditioner.embedders.1.model."
_SGM_BLOCK = re.compile(r"^(down_blocks|mid_block|up_blocks)(?:\.(\d+))?\.(attentions|resnets)\.(\d+)\.")
_SGM_SAMPLER = re.compile(r"^(down|up)_blocks\.(\d+)\.(?:down|up)samplers\.0\.conv$")
_SGM_LAYERS = {
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}


def _text_states(outputs: Sequence[Any]) -> TextStates:
    """The last layer but one of both encoders side by side, and the second one's pooled states."""
    import torch

    first, second = outputs
    return torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1), second.text_embeds


def _fit_unet(shapes: Shapes, config: Config) -> Config:
    fitted = fit_unet(shapes, config)
    added = shapes[f"{UNET}label_emb.0.0.weight"][1]  # the pooled text, and six numbers about the size
    pooled = shapes[f"{_OPEN_CLIP}text_projection"][1]
    if fitted["block_out_channels"] != config["block_out_channels"]:
        fitted["attention_head_dim"] = [max(1, width // HEAD) for width in fitted["block_out_channels"]]
    fitted["projection_class_embeddings_input_dim"] = added
    fitted["addition_time_embed_dim"] = (added - pooled) // 6
    return fitted


def _sgm_path(path: str) -> str:
    """A diffusers module path of SDXL's U-Net as Stability's own code names it, which is what kohya writes."""
    if sampler := _SGM_SAMPLER.match(path):
        block = int(sampler[2])
        return f"input_blocks.{3 * block + 3}.0.op" if sampler[1] == "down" else f"output_blocks.{3 * block + 2}.2.conv"
    match = _SGM_BLOCK.match(path)
    if match is None:
        raise WrongCount("no-attention-block", path=path)
    side, block, layer = match[1], int(match[2] or 0), int(match[4])
    attention, inner = match[3] == "attentions", path[match.end() :]
    place = {
        "down_blocks": f"input_blocks.{3 * block + layer + 1}.{int(attention)}.",
        "mid_block": f"middle_block.{1 if attention else 2 * layer}.",
        "up_blocks": f"output_blocks.{3 * block + layer}.{int(attention)}.",
    }[side]
    return place + (inner if attention else _SGM_LAYERS[inner])


SPEC = TrainerSpec(
    base_version="sdxl_base_v1-0",
    architecture="stable-diffusion-xl-v1-base/lora",
    text_encoders=(
        TextEncoder("text_encoder", "CLIPTextModel", "lora_te1"),
        TextEncoder("text_encoder_2", "CLIPTextModelWithProjection", "lora_te2"),
    ),
    text_states=_text_states,
    module_counts=lambda unet, text: (264, 722),
    repaint=with_pipeline("StableDiffusionXLInpaintPipeline", add_watermarker=False),
    autoencoder=plain_autoencoder,
    unet_name=_sgm_path,
    hidden_states=True,
    pipeline="StableDiffusionXLPipeline",
    fits={
        "unet": _fit_unet,
        "vae": fit_vae,
        "text_encoder": fit_clip("conditioner.embedders.0.transformer."),
        "text_encoder_2": fit_open_clip(_OPEN_CLIP),
    },
)
