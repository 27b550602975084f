"""Repainting with the base model that ships."""

from __future__ import annotations

from typing import Any

from PIL import Image

from easyphoto.domain import RenderJob
from easyphoto.engines.controlnet_catalog import left_out
from easyphoto.engines.local.loaded_model import Folders, LoadedModel, ModelChoice, Painted
from easyphoto.engines.local.lora_adapters import applied
from easyphoto.errors import MissingModel
from easyphoto.progress import Progress, Step
from easyphoto.stages import Stage


def open_model(choice: ModelChoice, folders: Folders) -> Any:
    """The model's parts in a pipeline, which LoRAs can be applied to; it is never called itself."""
    from diffusers import StableDiffusionPipeline

    from builtin_model.model import load

    if choice.checkpoint.file is None:
        raise MissingModel("engine.no-built-in-model", stage="render")
    parts = vars(load(choice.checkpoint.file))
    return StableDiffusionPipeline(**parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False)


def paint(loaded: LoadedModel, job: RenderJob, folders: Folders, report: Progress) -> Painted:
    """See `Renderer.paint`. Raises MissingModel for a required hint: there are no ControlNets for it."""
    notes = left_out(job.hints, loaded.checkpoint.family, folders.controls)
    loaded.base.to(loaded.placing.device)
    with applied(loaded.base, job.loras):
        return _repaint(loaded.base, job, report), notes


def _repaint(parts: Any, job: RenderJob, report: Progress) -> Image.Image:
    from builtin_model.model import BaseModel
    from builtin_model.repaint import Repaint, repaint, to_image, to_tensor

    model = BaseModel(parts.unet, parts.vae, parts.text_encoder, parts.tokenizer, parts.scheduler)
    work = Repaint(
        picture=to_tensor(job.picture),
        mask=to_tensor(job.mask),
        prompt=job.prompt,
        negative_prompt=job.negative_prompt,
        steps=job.steps,
        strength=job.strength,
        cfg_scale=job.cfg_scale,
        seed=job.seed,
    )
    return to_image(repaint(model, work, lambda done, total: report(Step(Stage.RENDER, done, total))))
