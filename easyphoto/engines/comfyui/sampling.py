"""One inpainting call with ComfyUI's own functions: encode, condition, sample, decode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from easyphoto.domain import SAMPLERS, ControlHint, RenderJob
from easyphoto.engines.comfyui.workflow import Workflow
from easyphoto.errors import RenderFailed
from easyphoto.images import pixels
from easyphoto.progress import Cancelled, Progress, Step
from easyphoto.stages import Stage

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "DPM++ 2M SDE": "dpmpp_2m_sde",
        "DPM++ 2M": "dpmpp_2m",
        "Euler a": "euler_ancestral",
        "Euler": "euler",
        "Heun": "heun",
        "LMS": "lms",
        "DPM2": "dpm_2",
        "DPM2 a": "dpm_2_ancestral",
        "DDIM": "ddim",
        "UniPC": "uni_pc",
        "LCM": "lcm",
    }
)
"""ComfyUI's names of the samplers' methods."""

SCHEDULES: Mapping[str, str] = MappingProxyType({"Karras": "karras", "": "normal"})
LEAST_STEPS = 2  # DPM++ 2M SDE needs two noise levels before the last one


def paint(workflow: Workflow, job: RenderJob, report: Progress) -> Image.Image:
    """The job's picture with the masked part repainted, the rest as the autoencoder gives it back.

    `job` is in its frame: sides are multiples of 8. Raises RenderFailed, Cancelled and what `report` raises.
    """
    import torch

    with _failures_told(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(job.seed)  # ComfyUI encodes pictures with the global generator
        latent = workflow.vae.encode(_tensor(job.picture))
        samples = _sample(workflow, job, latent, report)
        painted = workflow.vae.decode(samples)
    return _picture(painted)


def _sample(workflow: Workflow, job: RenderJob, latent: Any, report: Progress) -> Any:
    import comfy.sample

    sampler, steps = SAMPLERS[job.sampler], steps_of(job)

    def after_step(step: int, denoised: Any, noisy: Any, total: int) -> None:
        report(Step(Stage.RENDER, step + 1, total))

    report(Step(Stage.RENDER, 0, steps))
    positive = _with_controls(workflow, job, _encoded(workflow, job.prompt))
    return comfy.sample.sample(
        workflow.model,
        comfy.sample.prepare_noise(latent, job.seed),
        steps,
        job.cfg_scale,
        METHODS[sampler.method],
        SCHEDULES[sampler.schedule],
        positive,
        _encoded(workflow, job.negative_prompt),
        latent,
        denoise=job.strength,
        noise_mask=_mask(job.mask),
        callback=after_step,
        disable_pbar=True,
        seed=job.seed,
    )


def steps_of(job: RenderJob) -> int:
    """Steps that are taken: jobs count those of the whole noise, ComfyUI those of the part that is left of it."""
    return max(LEAST_STEPS, round(job.steps * job.strength))


def _encoded(workflow: Workflow, prompt: str) -> Any:
    """A text as conditioning of the workflow's text encoder."""
    return workflow.clip.encode_from_tokens_scheduled(workflow.clip.tokenize(prompt))


def _with_controls(workflow: Workflow, job: RenderJob, conditioning: Any) -> Any:
    """The conditioning with a chain of ControlNets, one for every hint; they act on the negative prompt, too."""
    chain = None
    for hint in job.hints:
        chain = _control(workflow, hint, chain)
    if chain is None:
        return conditioning
    added = {"control": chain, "control_apply_to_uncond": True}
    return [[tokens, {**options, **added}] for tokens, options in conditioning]


def _control(workflow: Workflow, hint: ControlHint, before: Any) -> Any:
    """A copy of the hint's ControlNet that is shown its picture, behind the one before it."""
    shown = _tensor(hint.picture).movedim(-1, 1)
    control = workflow.controls[hint.kind].copy().set_cond_hint(shown, hint.weight, (0.0, 1.0), vae=workflow.vae)
    if before is not None:
        control.set_previous_controlnet(before)
    return control


def _tensor(picture: Image.Image) -> Any:
    """1 x H x W x 3, 0..1."""
    import torch

    return torch.from_numpy(pixels(picture).astype(np.float32) / 255.0)[None]


def _mask(mask: Image.Image) -> Any:
    """1 x H x W, 1 = repaint. It is hard: our own blending feathers."""
    import torch

    return torch.from_numpy((np.asarray(mask.convert("L")) > 0).astype(np.float32))[None]


def _picture(decoded: Any) -> Image.Image:
    """RGB of the first of B x H x W x 3; what is no number becomes black."""
    array = np.nan_to_num(decoded[0].cpu().float().numpy(), nan=0.0)
    return Image.fromarray(np.rint(np.clip(array, 0.0, 1.0) * 255.0).astype(np.uint8))


@contextmanager
def _failures_told() -> Iterator[None]:
    """ComfyUI's interruption as ours, and memory that has run out as a failure with a remedy."""
    import comfy.model_management as management

    try:
        yield
    except management.InterruptProcessingException as stopped:
        raise Cancelled from stopped
    except management.OOM_EXCEPTION as problem:
        raise RenderFailed("engine.out-of-memory", stage="render") from problem
