"""Trial pictures: each template repainted inside its mask with the LoRA as it is now, at the template's own shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image

from kohya_train.contract import ValidationPlan, ValidationTemplate
from kohya_train.models import Bundle

GRID = 64
"""Sides are multiples of this, so that every level of the U-Net divides evenly."""


def validation_file(folder: Path, step: int, template: int) -> Path:
    """Where a trial picture lies."""
    return folder / "validation_images" / f"step-{step}-template-{template}.png"


def validation_image(
    bundle: Bundle, plan: ValidationPlan, template: ValidationTemplate, side: int, seed: int
) -> Image.Image:
    """The template, short side `side`, its masked part repainted. Whatever goes wrong is raised."""
    picture, mask = open_template(template, side)
    with torch.no_grad():
        if bundle.family == "built-in":
            return _repaint(bundle, plan, picture, mask, seed)
        return _inpaint(bundle, plan, picture, mask, seed)


def open_template(template: ValidationTemplate, side: int) -> tuple[Image.Image, Image.Image]:
    """Picture (RGB) and mask ("L") with the short side near `side` and both sides multiples of GRID."""
    with Image.open(template.picture) as opened:
        picture = opened.convert("RGB")
    with Image.open(template.mask) as opened:
        mask = opened.convert("L")
    if mask.size != picture.size:
        raise ValueError(f"{template.mask} is {mask.size}, its picture {picture.size}")
    size = validation_size(picture.size, side)
    return picture.resize(size, Image.Resampling.LANCZOS), mask.resize(size, Image.Resampling.BILINEAR)


def validation_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """`size` (width, height) scaled so that its short side is `side`, then both rounded to GRID."""
    ratio = side / min(size)
    width, height = (max(GRID, round(length * ratio / GRID) * GRID) for length in size)
    return width, height


def _repaint(bundle: Bundle, plan: ValidationPlan, picture: Image.Image, mask: Image.Image, seed: int) -> Image.Image:
    from builtin_model.model import BaseModel
    from builtin_model.repaint import Repaint, repaint, to_image, to_tensor

    model = BaseModel(bundle.unet, bundle.vae, bundle.text_encoders[0], bundle.tokenizers[0], bundle.scheduler)
    job = Repaint(
        to_tensor(picture),
        to_tensor(mask),
        plan.prompt,
        plan.negative_prompt,
        steps=plan.steps,
        strength=plan.strength,
        cfg_scale=plan.cfg_scale,
        seed=seed,
    )
    return to_image(repaint(model, job))


def _inpaint(bundle: Bundle, plan: ValidationPlan, picture: Image.Image, mask: Image.Image, seed: int) -> Image.Image:
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionInpaintPipeline, StableDiffusionXLInpaintPipeline

    parts: dict[str, Any] = {"vae": bundle.vae, "unet": bundle.unet, "text_encoder": bundle.text_encoders[0]}
    parts |= {"tokenizer": bundle.tokenizers[0]}
    parts["scheduler"] = DPMSolverMultistepScheduler.from_config(bundle.scheduler.config)
    if bundle.family == "sdxl":
        parts |= {"text_encoder_2": bundle.text_encoders[1], "tokenizer_2": bundle.tokenizers[1]}
        pipe = StableDiffusionXLInpaintPipeline(**parts, add_watermarker=False)
    else:
        parts |= {"safety_checker": None, "feature_extractor": None}
        pipe = StableDiffusionInpaintPipeline(**parts, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    painted: Image.Image = pipe(
        prompt=plan.prompt,
        negative_prompt=plan.negative_prompt,
        image=picture,
        mask_image=mask,
        width=picture.width,
        height=picture.height,
        strength=plan.strength,
        num_inference_steps=plan.steps,
        guidance_scale=plan.cfg_scale,
        generator=torch.Generator("cpu").manual_seed(seed),
    ).images[0]
    return painted
