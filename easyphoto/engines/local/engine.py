"""The engine on diffusers in our own process: the built-in base model and local SD 1.5 / SDXL checkpoints."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from easyphoto.domain import BUILTIN_CHECKPOINT, Checkpoint, ControlHint, HintKind, ModelFamily, Rendered, RenderJob
from easyphoto.engines.controlnet_catalog import dropped, missing
from easyphoto.engines.local.lora_adapters import applied
from easyphoto.engines.local.pipelines import (
    DevicePlacement,
    choose_placement,
    empty_cache,
    for_inpainting,
    open_base,
    open_control,
    save_memory,
)
from easyphoto.engines.local.silence import silenced
from easyphoto.engines.model_probe import find_checkpoints, find_controls
from easyphoto.engines.padding import blend, check_job, is_blank, padded
from easyphoto.errors import MissingModel, RenderFailed
from easyphoto.paths import Paths
from easyphoto.progress import Progress, Step, silent


@dataclass
class _Loaded:
    """What the engine holds in memory."""

    checkpoint: Checkpoint
    placing: DevicePlacement
    base: Any  # text-to-image pipeline; for EMBEDDED one that carries the LoRAs
    controls: dict[HintKind, Any]
    saving: bool = False  # memory-saving measures are on


class LocalEngine:
    """Repaints with diffusers; keeps the last checkpoint loaded. Never touches the network."""

    def __init__(self, paths: Paths, device: str | None = None) -> None:
        self._paths = paths
        self._device = device
        self._controls = paths.weights / "controlnet"
        self._loaded: _Loaded | None = None

    def checkpoints(self) -> list[Checkpoint]:
        """The built-in model and what lies in the weights folder."""
        builtin = Checkpoint(BUILTIN_CHECKPOINT, ModelFamily.BUILTIN, self._paths.base_model)
        shipped = [builtin] if (self._paths.base_model / "model_index.json").is_file() else []
        return shipped + find_checkpoints(self._paths.weights)

    def checkpoint(self, name: str) -> Checkpoint:
        """By name, with or without `.safetensors`. Raises MissingModel naming what there is."""
        there = self.checkpoints()
        for found in there:
            if found.name == name.removesuffix(".safetensors"):
                return found
        raise MissingModel(
            f"There is no base model named {name!r}; there is {', '.join(c.name for c in there) or 'none'}.",
            stage="render",
            file=name,
            remedy=f"Put its .safetensors file into {self._paths.weights}.",
        )

    def render(self, job: RenderJob, report: Progress) -> Rendered:
        """See `Engine.render`. Same job, same bytes on one machine."""
        check_job(job)
        checkpoint = self.checkpoint(job.checkpoint)
        placing = choose_placement(self._device)
        if not self._holds(checkpoint, placing):
            report(Step("load model", 0, 1, checkpoint.name))
        loaded = self._load(checkpoint, placing)
        frame, in_frame = padded(job, 32 if checkpoint.family is ModelFamily.BUILTIN else 8)
        painted, notes = self._paint(loaded, in_frame, report)
        return Rendered(blend(job.picture, frame.crop(painted), job.mask), notes)

    def default(self) -> str:
        """The built-in model."""
        return BUILTIN_CHECKPOINT

    @contextmanager
    def session(self) -> Iterator[None]:
        """Nothing is borrowed."""
        yield

    def forget(self, lora: Path) -> None:
        """LoRAs are worn where they lie; nothing is copied."""

    @contextmanager
    def offloaded(self, report: Progress = silent) -> Iterator[None]:
        """See `Engine.offloaded`; the checkpoint is loaded again by the next render."""
        self._drop()
        yield

    def _drop(self) -> None:
        if self._loaded is not None:
            device = self._loaded.placing.device
            self._loaded = None
            empty_cache(device)

    def _holds(self, checkpoint: Checkpoint, placing: DevicePlacement) -> bool:
        held = self._loaded
        return held is not None and held.checkpoint == checkpoint and held.placing == placing

    def _load(self, checkpoint: Checkpoint, placing: DevicePlacement) -> _Loaded:
        if self._loaded is not None and self._holds(checkpoint, placing):
            return self._loaded
        self._drop()
        with silenced():
            if checkpoint.family is ModelFamily.BUILTIN:
                base = _open_embedded(checkpoint)
            else:
                base = open_base(checkpoint, self._paths.models / "configs", placing)
        self._loaded = _Loaded(checkpoint, placing, base.to(placing.device), {})
        return self._loaded

    def _paint(self, loaded: _Loaded, job: RenderJob, report: Progress) -> tuple[Image.Image, tuple[str, ...]]:
        """With one step down in memory and one step up in precision where needed."""
        import torch

        try:
            painted, notes = self._paint_once(loaded, job, report)
        except torch.OutOfMemoryError:
            painted, notes = self._paint_saving(loaded, job, report)
        if not is_blank(painted, job.picture):
            return painted, notes
        if loaded.placing.dtype is not torch.float32:
            loaded = self._load(loaded.checkpoint, DevicePlacement(loaded.placing.device, torch.float32))
            painted, notes = self._paint_once(loaded, job, report)
            if not is_blank(painted, job.picture):
                return painted, (*notes, "The result was black in half precision; it was made again in full.")
        raise RenderFailed(
            "The model gave a black picture.", stage="render", file=job.checkpoint, remedy="Try another base model."
        )

    def _paint_saving(self, loaded: _Loaded, job: RenderJob, report: Progress) -> tuple[Image.Image, tuple[str, ...]]:
        import torch

        empty_cache(loaded.placing.device)
        loaded.saving = True
        try:
            painted, notes = self._paint_once(loaded, job, report)
        except torch.OutOfMemoryError as problem:
            self._drop()
            raise RenderFailed(
                "There is not enough memory for this picture.",
                stage="render",
                file=job.checkpoint,
                remedy="Close other programs that use the GPU, or choose a smaller base model.",
            ) from problem
        return painted, (*notes, "Memory was short; the picture was made in a slower way.")

    def _paint_once(self, loaded: _Loaded, job: RenderJob, report: Progress) -> tuple[Image.Image, tuple[str, ...]]:
        if loaded.checkpoint.family is ModelFamily.BUILTIN:
            notes = _dropped(job.hints, loaded.checkpoint.family, self._controls)
            with applied(loaded.base, job.loras):
                return _repaint_embedded(loaded, job, report), notes
        hints, notes = self._with_controls(loaded, job.hints)
        controls = [loaded.controls[hint.kind] for hint in hints]
        pipe = for_inpainting(loaded.base, controls, loaded.checkpoint.family)
        if loaded.saving:
            save_memory(pipe, loaded.placing)
        with applied(pipe, job.loras):
            painted = _inpaint(pipe, replace(job, hints=hints), report)
        return painted, notes + _cut(pipe.tokenizer, job)

    def _with_controls(
        self, loaded: _Loaded, hints: tuple[ControlHint, ...]
    ) -> tuple[tuple[ControlHint, ...], tuple[str, ...]]:
        """The hints there is a ControlNet for, which are loaded now, and a note for the others."""
        family = loaded.checkpoint.family
        there = find_controls(self._controls, family)
        notes = _dropped(tuple(hint for hint in hints if hint.kind not in there), family, self._controls)
        config = self._paths.models / "configs" / f"{family.value}_controlnet"
        kept = tuple(hint for hint in hints if hint.kind in there)
        for hint in kept:
            if hint.kind not in loaded.controls:
                with silenced():
                    control = open_control(there[hint.kind], config, loaded.placing)
                loaded.controls[hint.kind] = control.to(loaded.placing.device)
        return kept, notes


def _dropped(hints: tuple[ControlHint, ...], family: ModelFamily, folder: Path) -> tuple[str, ...]:
    """A note for every hint that cannot be honoured. Raises MissingModel for one that is required."""
    for hint in hints:
        if hint.required:
            raise missing(hint.kind, family, str(folder))
    return tuple(dropped(hint.kind, family) for hint in hints)


def _cut(tokenizer: Any, job: RenderJob) -> tuple[str, ...]:
    """A note where a prompt is longer than the text encoder reads."""
    limit = tokenizer.model_max_length
    texts = {"prompt": job.prompt, "negative prompt": job.negative_prompt}
    long = [name for name, text in texts.items() if len(tokenizer(text).input_ids) > limit]
    return tuple(f"The {name} is longer than {limit} tokens; its end was not read." for name in long)


def _inpaint(pipe: Any, job: RenderJob, report: Progress) -> Image.Image:
    """One call of a diffusers inpainting pipeline; pixels that are no numbers come back black."""
    import numpy as np
    import torch

    total = int(_steps(job) * job.strength)
    if total == 0:
        return job.picture

    def on_step(_pipe: Any, index: int, _time: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        report(Step("render", min(index + 1, total), total))
        return kwargs

    control: dict[str, Any] = {}
    if job.hints:
        control["control_image"] = [hint.picture for hint in job.hints]
        control["controlnet_conditioning_scale"] = [hint.weight for hint in job.hints]
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
        **control,
    ).images[0]
    return Image.fromarray((np.nan_to_num(result).clip(0, 1) * 255).round().astype(np.uint8))


def _steps(job: RenderJob) -> int:
    """At least so many that a strength above 0 takes one step."""
    return max(job.steps, math.ceil(1 / job.strength)) if job.strength > 0 else job.steps


def _open_embedded(checkpoint: Checkpoint) -> Any:
    """The built-in model's parts in a pipeline, which knows how to wear LoRAs; it is never called itself."""
    from diffusers import StableDiffusionPipeline

    from builtin_model.model import load

    if checkpoint.file is None:
        raise MissingModel("The built-in base model has no folder.", stage="render")
    parts = vars(load(checkpoint.file))
    return StableDiffusionPipeline(**parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False)


def _repaint_embedded(loaded: _Loaded, job: RenderJob, report: Progress) -> Image.Image:
    from builtin_model.model import BaseModel
    from builtin_model.repaint import Repaint, repaint, to_image, to_tensor

    parts = loaded.base
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
    return to_image(repaint(model, work, lambda done, total: report(Step("render", done, total))))
