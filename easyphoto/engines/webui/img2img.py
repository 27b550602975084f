"""One call of the WebUI's img2img: what it is asked, what it must leave alone, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from PIL import Image

from easyphoto.domain import SAMPLERS, Checkpoint, RenderJob
from easyphoto.engines.padding import is_blank
from easyphoto.engines.webui.checkpoints import check_used
from easyphoto.engines.webui.controlnet import monitored
from easyphoto.engines.webui.controlnet_units import ControlNetUnit
from easyphoto.engines.webui.host import Host, override_options, restore_options
from easyphoto.engines.webui.host_queue import counted, reported, stated, stopped
from easyphoto.engines.webui.lora import check_applied
from easyphoto.errors import EasyPhotoError, RenderFailed
from easyphoto.locales import Message, message
from easyphoto.progress import Cancelled, Progress, Step
from easyphoto.stages import Stage

QUIET = {
    # The face of somebody must not go to everybody who asks the host for its progress.
    "live_previews_enable": False,
    "save_init_img": False,
    # Effects of the host's that would change the face; we have our own.
    "img2img_color_correction": False,
    # A person is trained on the text encoder's last layer.
    "CLIP_stop_at_last_layers": 1,
    # What was chosen for a style of one's own would be in every face.
    "initial_noise_multiplier": 1.0,
    "img2img_extra_noise": 0.0,
    "token_merging_ratio": 0.0,
    "token_merging_ratio_img2img": 0.0,
    "s_min_uncond": 0.0,
    "sd_vae_encode_method": "Full",
    "sd_vae_decode_method": "Full",
    "scaling_factor": 1.0,
    "sd_noise_schedule": "Default",
    # The pictures that come back are counted.
    "return_mask": False,
    "return_mask_composite": False,
    "control_net_no_detectmap": False,
    "control_net_detectmap_autosaving": False,
}
"""Options of the host during one of our jobs."""


@dataclass(frozen=True)
class Img2ImgCall:
    """One call of the host's img2img, everything in it checked."""

    job: RenderJob  # framed
    checkpoint: Checkpoint
    entry: Any  # the host's own of that checkpoint
    prompt: str  # with the LoRAs' tags
    sampler: dict[str, str]
    overrides: dict[str, Any]
    units: tuple[ControlNetUnit, ...]


def choose_sampler(host: Host, wanted: str) -> tuple[dict[str, str], tuple[Message, ...]]:
    """Sampler and noise levels by what the host has, since it silently takes another one for a name it has not."""
    names = {sampler.name for sampler in host.sd_samplers.all_samplers}
    sampler = SAMPLERS[wanted]
    if sampler.method in names and hasattr(host.processing.StableDiffusionProcessing, "scheduler"):
        return {"sampler_name": sampler.method, "scheduler": sampler.schedule or "Automatic"}, ()
    if wanted in names:  # before samplers and schedulers were parted in 1.9
        return {"sampler_name": wanted}, ()
    return {"sampler_name": "Euler a"}, (message("webui.note.other-sampler", name=wanted),)


def enough_steps(job: RenderJob) -> int:
    """The job's, or as many as it takes for two sampler steps: DPM++ 2M SDE fails in the host when it has but one.

    The host takes int(steps * strength) + 1 of them, or all with its option to "do exactly the steps" that are asked.
    """
    steps = max(job.steps, 2)
    return steps if int(steps * job.strength) >= 1 else math.floor(1 / job.strength) + 1


def paint(host: Host, request: Img2ImgCall, report: Progress) -> Image.Image:
    """The host's picture of the frame's size. Raises RenderFailed, BadModel, Cancelled and what `report` raises."""
    with (
        override_options(host, QUIET),
        restore_options(host, request.overrides),
        _stated(host),
        closing(_processing(host, request)) as call,
    ):
        before = _loading(host, request)
        report(before)
        with reported(host.state, report, before), monitored(host, call, request.units) as monitor:
            processed = host.run(lambda: _process(host, call, request.job.seed))
            if monitor.troubles:
                monitor.check(processed)
        if stopped(host.state):
            raise Cancelled
        if not processed.images:
            raise RenderFailed("webui.no-picture", stage="render")
        monitor.check(processed)
        check_used(host, request.entry, request.checkpoint)
        check_applied(host, request.job.loras, processed.comments)
    painted = _picture(processed, request)
    report(Step(Stage.RENDER, request.job.steps, request.job.steps))
    return painted


@contextmanager
def _stated(host: Host) -> Iterator[None]:
    """Inside it the host says that a portrait is made, or counts it to what it is at."""
    if host.inside_job:
        with counted(host.state):
            yield
        return
    try:
        with stated(host.state, "easyphoto"):
            yield
    finally:
        host.shared.total_tqdm.clear()  # the bar in the host's console


def _loading(host: Host, request: Img2ImgCall) -> Step:
    """What is said until the first step."""
    held = getattr(host.sd_models.model_data.sd_model, "sd_checkpoint_info", None)
    if held is not None and held.filename == request.entry.filename:
        return Step(Stage.RENDER, 0, request.job.steps)
    return Step(Stage.LOAD_MODEL, 0, 1, request.checkpoint.name)


def _processing(host: Host, request: Img2ImgCall) -> Any:
    """The host's description of the job. The mask is hard: our own blending feathers."""
    job, outside = request.job, str(getattr(host.options, "outdir_img2img_samples", ""))
    call = host.processing.StableDiffusionProcessingImg2Img(
        outpath_samples=outside,
        outpath_grids=outside,
        prompt=request.prompt,
        negative_prompt=job.negative_prompt,
        seed=job.seed,
        **request.sampler,
        steps=enough_steps(job),
        cfg_scale=job.cfg_scale,
        width=job.picture.width,
        height=job.picture.height,
        batch_size=1,
        n_iter=1,
        restore_faces=False,
        tiling=False,
        do_not_save_samples=True,
        do_not_save_grid=True,
        init_images=[job.picture.convert("RGB")],
        mask=job.mask.point(lambda value: 255 if value else 0),
        mask_blur=0,
        inpainting_fill=1,  # the original
        inpaint_full_res=False,
        resize_mode=0,
        denoising_strength=job.strength,
        override_settings=dict(request.overrides),
        override_settings_restore_afterwards=True,
    )
    call.cached_c, call.cached_uc = [None, None, None], [None, None, None]  # those of the class are the host's
    call.is_api = True  # before scripts are set, else the host's own widgets overwrite steps, sampler and seed
    return call


def _process(host: Host, call: Any, seed: int) -> Any:
    """The host's result; the same job gives the same picture, whatever was generated before it."""
    import torch

    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # the host encodes pictures with the global generator
            return host.processing.process_images(call)
    except EasyPhotoError:
        raise
    except Exception as problem:  # whatever the host and its extensions raise
        raise _failed(problem) from problem


def _failed(problem: Exception) -> RenderFailed:
    text = " ".join(str(problem).split())[:300] or type(problem).__name__
    if "out of memory" in text.lower() or type(problem).__name__ == "OutOfMemoryError":
        return RenderFailed("webui.out-of-memory", stage="render")
    if type(problem).__name__ == "NansException":
        return RenderFailed("webui.not-a-number", stage="render")
    if "settings" in text and isinstance(problem, AssertionError):
        return RenderFailed("webui.frozen-settings", stage="render", why=text)
    return RenderFailed("webui.failed", stage="render", why=text)


def _picture(processed: Any, request: Img2ImgCall) -> Image.Image:
    painted: Image.Image = processed.images[0].convert("RGB")
    before, mask = request.job.picture, request.job.mask
    if painted.size != before.size:  # the face would lie elsewhere
        sizes = {"asked": "x".join(map(str, before.size)), "given": "x".join(map(str, painted.size))}
        raise RenderFailed("webui.other-size", stage="render", **sizes)
    if is_blank(painted, before, mask):
        raise RenderFailed("webui.black-picture", stage="render", file=request.checkpoint.name)
    return painted
