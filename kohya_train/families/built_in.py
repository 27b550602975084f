"""The base model that ships with the program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from kohya_train.contract import ValidationPlan
from kohya_train.families.base import BaseNetworks, Picture, TextEncoder, TrainerSpec, last_states

_TEXT_LAYER = 6  # q, k, v, out, fc1, fc2
_BLOCK, _AROUND = 10, 2  # linears of a BasicTransformerBlock; proj_in and proj_out round a stack of them


def _module_counts(unet: Mapping[str, Any], text: Sequence[Any]) -> tuple[int, int]:
    """From its configurations, since its size may change from version to version."""
    depth = unet.get("transformer_layers_per_block", 1)
    per_block = unet["layers_per_block"]
    stacks = sum(
        per_block + extra
        for blocks, extra in ((unet["down_block_types"], 0), (unet["up_block_types"], 1))
        for block in blocks
        if block.startswith("CrossAttn")
    ) + ("CrossAttn" in (unet.get("mid_block_type") or ""))
    return sum(one.num_hidden_layers for one in text) * _TEXT_LAYER, stacks * (_AROUND + _BLOCK * depth)


def _autoencoder() -> Any:
    from builtin_model.autoencoder import PatchAutoencoder

    return PatchAutoencoder


def _repaint(bundle: BaseNetworks, plan: ValidationPlan, work: Picture, seed: int) -> Image.Image:
    from builtin_model.model import BaseModel
    from builtin_model.repaint import Repaint, repaint, to_image, to_tensor

    model = BaseModel(bundle.unet, bundle.vae, bundle.text_encoders[0], bundle.tokenizers[0], bundle.scheduler)
    job = Repaint(
        to_tensor(work.picture),
        to_tensor(work.mask),
        plan.prompt,
        plan.negative_prompt,
        steps=plan.steps,
        strength=plan.strength,
        cfg_scale=plan.cfg_scale,
        seed=seed,
    )
    return to_image(repaint(model, job))


SPEC = TrainerSpec(
    base_version="easyphoto_builtin",
    architecture="easyphoto-builtin/lora",
    text_encoders=(TextEncoder("text_encoder", "CLIPTextModel", "lora_te"),),
    text_states=last_states,
    module_counts=_module_counts,
    repaint=_repaint,
    autoencoder=_autoencoder,
    noise_levels=650,  # it was trained below this timestep only: img2img, all it is for, starts no higher
)
