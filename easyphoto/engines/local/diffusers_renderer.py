"""Repainting with diffusers' inpainting pipelines, with ControlNets where there are some."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from easyphoto.domain import ControlHint, HintKind, RenderJob
from easyphoto.engines.controlnet_catalog import left_out
from easyphoto.engines.local.attention import use_xformers
from easyphoto.engines.local.identity import adapter_for, identified, shown
from easyphoto.engines.local.identity_net import identity_guides, reading_tokens
from easyphoto.engines.local.loaded_model import Folders, Guide, LoadedModel, ModelChoice, Painted
from easyphoto.engines.local.loading import open_base, open_control
from easyphoto.engines.local.lora_adapters import applied
from easyphoto.engines.local.memory import placed
from easyphoto.engines.local.pipelines import for_inpainting
from easyphoto.engines.local.silence import silenced
from easyphoto.engines.local.vae import open_vae
from easyphoto.engines.model_probe import find_controls
from easyphoto.errors import BadModel, reason_of
from easyphoto.locales import Message, message
from easyphoto.progress import Progress, Step
from easyphoto.stages import Stage


def open_model(choice: ModelChoice, folders: Folders) -> Any:
    """See `Renderer.open`. Raises BadModel."""
    config = folders.configs / choice.checkpoint.family.value
    vae = open_vae(choice.vae, config, choice.placing) if choice.vae else None
    pipe = open_base(choice.checkpoint, folders.configs, choice.placing, vae)
    use_xformers(pipe, choice.placing.device)
    return pipe


def paint(loaded: LoadedModel, job: RenderJob, folders: Folders, report: Progress) -> Painted:
    """See `Renderer.paint`. Raises MissingModel for a required hint without a ControlNet."""
    hints, notes = _with_controls(loaded, job.hints, folders)
    identity, missing = adapter_for(job.identity, loaded.checkpoint.family, folders.identity)
    faces = identity_guides(loaded, identity, job.picture.size, folders)
    guides = [*((loaded.controls[hint.kind], hint.picture, hint.weight) for hint in hints), *faces]
    controls, guided = [network for network, _, _ in guides], job.cfg_scale > 1
    pipe = for_inpainting(loaded.base, controls, loaded.checkpoint.family, job.sampler)
    with (
        applied(pipe, job.loras) as loras,
        identified(pipe, loaded, identity, loras),
        placed(pipe, loaded.placing.device, loaded.offload),
        reading_tokens(pipe, faces, identity, guided),
    ):
        told = _control_of(guides) | shown(pipe, identity, guided)
        painted = _inpaint(pipe, job, told, report)
    return painted, notes + missing + _cut(pipe.tokenizer, job)


def _with_controls(
    loaded: LoadedModel, hints: tuple[ControlHint, ...], folders: Folders
) -> tuple[tuple[ControlHint, ...], tuple[Message, ...]]:
    """The hints there is a ControlNet for, which are loaded now, and a note for the others.

    Raises MissingModel or BadModel for a required hint whose ControlNet is missing or cannot be loaded.
    """
    family = loaded.checkpoint.family
    there = find_controls(folders.controls, family)
    notes = left_out(tuple(hint for hint in hints if hint.kind not in there), family, folders.controls)
    kept: list[ControlHint] = []
    for hint in (hint for hint in hints if hint.kind in there):
        try:
            _load_control(loaded, hint.kind, there[hint.kind], folders)
        except BadModel as problem:
            if hint.required:
                raise
            notes += (message("controlnet.note.not-loaded", name=there[hint.kind].name, why=reason_of(problem)),)
        else:
            kept.append(hint)
    return tuple(kept), notes


def _load_control(loaded: LoadedModel, kind: HintKind, entry: Path, folders: Folders) -> None:
    if kind not in loaded.controls:
        config = folders.configs / f"{loaded.checkpoint.family.value}_controlnet"
        with silenced():
            loaded.controls[kind] = open_control(entry, config, loaded.placing)


def _cut(tokenizer: Any, job: RenderJob) -> tuple[Message, ...]:
    """A note where a prompt is longer than the text encoder reads."""
    limit = tokenizer.model_max_length
    notes = (
        (job.prompt, message("engine.note.prompt-cut", limit=limit)),
        (job.negative_prompt, message("engine.note.negative-prompt-cut", limit=limit)),
    )
    return tuple(note for text, note in notes if len(tokenizer(text).input_ids) > limit)


def _control_of(guides: Sequence[Guide]) -> dict[str, Any]:
    """What a pipeline with those ControlNets is to be told."""
    if not guides:
        return {}
    _, pictures, weights = zip(*guides, strict=True)
    return {"control_image": list(pictures), "controlnet_conditioning_scale": list(weights)}


def _inpaint(pipe: Any, job: RenderJob, told: dict[str, Any], report: Progress) -> Image.Image:
    """One call of a diffusers inpainting pipeline; pixels that are no numbers come back black.

    `told` is what it hears of ControlNets and of an identity.
    """
    import numpy as np
    import torch

    total = int(_steps(job) * job.strength)
    if total == 0:
        return job.picture

    def on_step(_pipe: Any, index: int, _time: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        report(Step(Stage.RENDER, min(index + 1, total), total))
        return kwargs

    width, height = job.picture.size
    pipe.set_progress_bar_config(disable=True)
    result = pipe(
        prompt=job.prompt,
        negative_prompt=job.negative_prompt,
        image=job.picture,
        mask_image=job.mask.point(lambda value: 255 if value else 0),
        width=width,
        height=height,
        strength=job.strength,
        num_inference_steps=_steps(job),
        guidance_scale=job.cfg_scale,
        generator=torch.Generator("cpu").manual_seed(job.seed),
        callback_on_step_end=on_step,
        output_type="np",
        **told,
    ).images[0]
    return Image.fromarray((np.nan_to_num(result).clip(0, 1) * 255).round().astype(np.uint8))


def _steps(job: RenderJob) -> int:
    """At least so many that a strength above 0 takes one step."""
    return max(job.steps, math.ceil(1 / job.strength)) if job.strength > 0 else job.steps
