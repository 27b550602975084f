"""The inpainting model as a diffusers pipeline, so that engines place, cast and release it like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline

from builtin_model.inpaint.frame import Pixels
from builtin_model.inpaint.network import fresh_scheduler
from builtin_model.inpaint.parts import FaceInpaintModel, Frozen, load
from builtin_model.inpaint.repaint import FrameRepaint, repaint
from builtin_model.inpaint.sampling import OnStep, ignore


class FaceInpaintPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Repaints the face of an upright frame under a mask, geometry maps, a color hint and a reference frame."""

    def __init__(self, unet: Any, vae: Any, text_encoder: Any, tokenizer: Any, scheduler: Any) -> None:
        super().__init__()
        self.register_modules(unet=unet, vae=vae, text_encoder=text_encoder, tokenizer=tokenizer, scheduler=scheduler)

    @property
    def model(self) -> FaceInpaintModel:
        """The parts as the training has them."""
        return FaceInpaintModel(self.unet, Frozen(self.vae, self.text_encoder, self.tokenizer))

    def __call__(self, job: FrameRepaint, on_step: OnStep = ignore) -> Pixels:
        """The repainted frame (side, side, 3), RGB uint8. Raises ValueError where the job's pictures do not fit."""
        return repaint(self.model, job, on_step)


def open_pipeline(folder: Path, dtype: torch.dtype = torch.float32) -> FaceInpaintPipeline:
    """The pipeline of a model folder on the CPU. Raises OSError or ValueError as `parts.load`."""
    model = load(folder, dtype)
    parts = model.frozen
    return FaceInpaintPipeline(model.unet, parts.vae, parts.text_encoder, parts.tokenizer, fresh_scheduler())
