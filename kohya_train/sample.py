"""Validation images: each template repainted inside its mask with the current LoRA, at the template's own shape."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from kohya_train.contract import ValidationPlan, ValidationTemplate
from kohya_train.families.base import Picture
from kohya_train.models import Bundle

GRID = 64
"""Sides are multiples of this, so that every level of the U-Net divides evenly."""


def validation_file(folder: Path, step: int, template: int) -> Path:
    """Where a validation image lies."""
    return folder / "validation_images" / f"step-{step}-template-{template}.png"


def validation_image(
    bundle: Bundle, plan: ValidationPlan, template: ValidationTemplate, side: int, seed: int
) -> Image.Image:
    """The template, short side `side`, its masked part repainted. Whatever goes wrong is raised."""
    work = open_template(template, side)
    with torch.no_grad():
        return bundle.spec.repaint(bundle, plan, work, seed)


def open_template(template: ValidationTemplate, side: int) -> Picture:
    """With the short side near `side` and both sides multiples of GRID."""
    with Image.open(template.picture) as opened:
        picture = opened.convert("RGB")
    with Image.open(template.mask) as opened:
        mask = opened.convert("L")
    if mask.size != picture.size:
        raise ValueError(f"{template.mask} is {mask.size}, its picture {picture.size}")
    size = validation_size(picture.size, side)
    return Picture(picture.resize(size, Image.Resampling.LANCZOS), mask.resize(size, Image.Resampling.BILINEAR))


def validation_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """`size` (width, height) scaled so that its short side is `side`, then both rounded to GRID."""
    ratio = side / min(size)
    width, height = (max(GRID, round(length * ratio / GRID) * GRID) for length in size)
    return width, height
