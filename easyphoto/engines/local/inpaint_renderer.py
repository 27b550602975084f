"""Repainting with the conditional inpainting model that ships: its hints are channels of the network itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from easyphoto.domain import HintKind, LoraUse, RenderJob
from easyphoto.engines.controlnet_catalog import left_out
from easyphoto.engines.local.loaded_model import Folders, LoadedModel, ModelChoice, Painted
from easyphoto.engines.model_probe import lora_modules
from easyphoto.errors import BadModel, BadRequest, MissingModel
from easyphoto.progress import Progress, Step
from easyphoto.stages import Stage

if TYPE_CHECKING:
    from builtin_model.inpaint.repaint import FrameRepaint

_SHAPES = (HintKind.POSE, HintKind.CANNY)
"""Hints that become the geometry maps, the first one that there is; their pictures are not looked at."""


def open_model(choice: ModelChoice, folders: Folders) -> Any:
    """See `Renderer.open`. Raises MissingModel, BadModel."""
    from builtin_model.inpaint.pipeline import open_pipeline

    file = choice.checkpoint.file
    if file is None:
        raise MissingModel("engine.no-built-in-model", stage="render")
    try:
        return open_pipeline(file, choice.placing.dtype)
    except (OSError, ValueError, KeyError, RuntimeError) as problem:
        why = str(problem)[:300]
        raise BadModel("engine.checkpoint-not-loaded", stage="model", file=str(file), why=why) from problem


def paint(loaded: LoadedModel, job: RenderJob, folders: Folders, report: Progress) -> Painted:
    """See `Renderer.paint`. Raises MissingModel for a required hint that is none of the model's own."""
    family = loaded.checkpoint.family
    others = [hint for hint in job.hints if hint.kind not in family.spec.own_hints]
    notes = left_out(others, family, folders.controls)
    pipe = loaded.base
    pipe.to(loaded.placing.device)
    with _with_loras(pipe.unet, job.loras):
        painted = pipe(frame_job(job), lambda done, total: report(Step(Stage.RENDER, done, total)))
    return Image.fromarray(painted), notes


def frame_job(job: RenderJob) -> FrameRepaint:
    """The job in the model's terms; a hint with a weight above 0 counts whole. Raises BadRequest: no square."""
    from builtin_model.inpaint.repaint import FrameRepaint
    from builtin_model.inpaint.sampling import Sampling

    if job.picture.width != job.picture.height:
        raise BadRequest("engine.frame-not-square", stage="render", width=job.picture.width, height=job.picture.height)
    hints = {hint.kind: hint for hint in job.hints if hint.weight > 0}
    shapes = (face.mesh for kind in _SHAPES if kind in hints for face in hints[kind].faces)
    frame = np.asarray(job.picture)
    return FrameRepaint(
        frame,
        np.asarray(job.mask),
        reference=frame if HintKind.TILE in hints else None,
        mesh=next((mesh for mesh in shapes if mesh is not None), None),
        color=np.asarray(hints[HintKind.COLOR].picture) if HintKind.COLOR in hints else None,
        prompt=job.prompt,
        sampling=Sampling(job.steps, job.strength, job.seed),
    )


@contextmanager
def _with_loras(unet: Any, loras: Sequence[LoraUse]) -> Iterator[None]:
    """Inside, the network has the LoRAs folded in. Raises BadModel for a file that does not fit it."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from builtin_model.inpaint.lora import folded

    with ExitStack() as stack:
        for lora in loras:
            lora_modules(lora.file)  # it is one
            try:
                stack.enter_context(folded(unet, [(load_file(lora.file), lora.weight)]))
            except (KeyError, RuntimeError, SafetensorError) as problem:
                raise BadModel(
                    "engine.lora-does-not-fit", stage="LoRA", file=str(lora.file), why=str(problem)[:200]
                ) from problem
        yield
