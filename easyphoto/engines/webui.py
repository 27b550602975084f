"""The engine on the WebUI's own img2img: its checkpoints, its LoRAs, its ControlNet, in its queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from easyphoto.domain import Checkpoint, Rendered, RenderJob
from easyphoto.engines import webui_checkpoints, webui_lora
from easyphoto.engines.frame import blend, check_job, framed, is_blank
from easyphoto.engines.webui_checkpoints import Checkpoints
from easyphoto.engines.webui_controlnet import Unit, choose_units, controlled, let_go
from easyphoto.engines.webui_host import Host, borrowed, remembered, this_host
from easyphoto.engines.webui_watch import turn, watched
from easyphoto.errors import EasyPhotoError, RenderFailed
from easyphoto.progress import Cancelled, Progress, Step, silent

QUIET = {
    # The face of somebody must not go to everybody who asks the host for its progress.
    "live_previews_enable": False,
    "save_init_img": False,
    # Effects of the host's that would change the face; we have our own.
    "img2img_color_correction": False,
    # The pictures that come back are counted.
    "return_mask": False,
    "return_mask_composite": False,
    "control_net_no_detectmap": False,
    "control_net_detectmap_autosaving": False,
}
"""Options of the host during one of our jobs."""


@dataclass(frozen=True)
class _Order:
    """One call of the host's img2img, everything in it checked."""

    job: RenderJob  # framed
    checkpoint: Checkpoint
    entry: Any  # the host's own of that checkpoint
    prompt: str  # with the LoRAs' tags
    sampler: dict[str, str]
    overrides: dict[str, Any]
    units: tuple[Unit, ...]


def _as_the_host_has_it() -> str:
    return ""


class WebuiEngine:
    """Repaints with the models of the WebUI this process belongs to, in its queue, and leaves it as it was.

    `vae` names the VAE of the host's to use, each time anew; "" leaves the choice to the host. Never call it from
    within the host's own queue: its lock is not re-entrant.
    """

    def __init__(self, vae: Callable[[], str] = _as_the_host_has_it) -> None:
        self._vae = vae
        self._checkpoints = Checkpoints()
        self._sittings = 0  # open `at_work` blocks
        self._lender: int | None = None  # the thread inside `released`

    def checkpoints(self) -> list[Checkpoint]:
        """Those of the host that are SD 1.5 or SDXL."""
        return [checkpoint for checkpoint, _ in self._checkpoints.listed(this_host()).values()]

    def default(self) -> str:
        """The one that is selected in the host."""
        return self._checkpoints.default(this_host())

    def checkpoint(self, name: str) -> Checkpoint:
        """By our name or any of the host's. Raises MissingModel naming what there is."""
        return self._checkpoints.find(this_host(), name)[0]

    def render(self, job: RenderJob, report: Progress) -> Rendered:
        """See `Engine.render`; while another job of the host's runs, the stage is "waiting"."""
        check_job(job)
        host = self._free_host()
        self.checkpoint(job.checkpoint)
        if job.strength == 0 or job.mask.getbbox() is None:
            return Rendered(job.picture)
        frame, job_in_frame = framed(job, 8)
        with turn(host.lock, report):
            order, notes = self._order(host, job_in_frame)
            try:
                painted = _paint(host, order, report)
            finally:
                if not self._sittings:
                    webui_checkpoints.give_back(host)
        return Rendered(blend(job.picture, frame.crop(painted), job.mask), notes)

    def _order(self, host: Host, job: RenderJob) -> tuple[_Order, tuple[str, ...]]:
        """What is asked of the host, and what cannot be honoured. Raises MissingModel, BadModel, RenderFailed."""
        checkpoint, entry = self._checkpoints.find(host, job.checkpoint)
        units, left_out = choose_units(host, job.hints, checkpoint.family)
        sampler, other = _sampler(host)
        overrides = webui_checkpoints.overrides(host, entry, self._vae())
        prompt = webui_lora.tagged(job.prompt, host, job.loras)
        return _Order(job, checkpoint, entry, prompt, sampler, overrides, units), left_out + other

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """See `Engine.at_work`: our checkpoint stays loaded inside.

        Where somebody else's job runs on leaving, that job has already loaded the host's own.
        """
        self._sittings += 1
        try:
            yield
        finally:
            self._sittings -= 1
            host = this_host()
            if not self._sittings and host.lock.acquire(blocking=False):
                try:
                    webui_checkpoints.give_back(host)
                finally:
                    host.lock.release()

    def released(self, report: Progress = silent) -> AbstractContextManager[None]:
        """See `Engine.released`: the host's models are off the device and nobody can generate."""
        return self._released(report)

    @contextmanager
    def _released(self, report: Progress) -> Iterator[None]:
        host = self._free_host()
        with turn(host.lock, report):
            self._lender = threading.get_ident()
            try:
                let_go(host)
                with webui_checkpoints.emptied(host):
                    yield
            finally:
                self._lender = None

    def forget(self, lora: Path) -> None:
        """See `Engine.forget`."""
        webui_lora.forget(this_host(), lora)

    def _free_host(self) -> Host:
        """Raises RenderFailed in the thread that has the device for a training: waiting would never end."""
        if self._lender == threading.get_ident():
            raise RenderFailed("Nothing can be rendered while the device is given to a training.", stage="render")
        return this_host()


def _sampler(host: Host) -> tuple[dict[str, str], tuple[str, ...]]:
    """Sampler and noise levels by what the host has, since it silently takes another one for a name it has not."""
    names = {sampler.name for sampler in host.sd_samplers.all_samplers}
    if "DPM++ 2M SDE" in names and hasattr(host.processing.StableDiffusionProcessing, "scheduler"):
        return {"sampler_name": "DPM++ 2M SDE", "scheduler": "Karras"}, ()
    if "DPM++ 2M SDE Karras" in names:  # before samplers and schedulers were parted in 1.9
        return {"sampler_name": "DPM++ 2M SDE Karras"}, ()
    return {"sampler_name": "Euler a"}, ("This WebUI has no DPM++ 2M SDE; the sampler was Euler a.",)


def _paint(host: Host, order: _Order, report: Progress) -> Image.Image:
    """The host's picture of the frame's size. Raises RenderFailed, BadModel, Cancelled and what `report` raises."""
    with (
        borrowed(host, QUIET),
        remembered(host, order.overrides),
        _stated(host),
        closing(_processing(host, order)) as call,
    ):
        before = _loading(host, order)
        report(before)
        with watched(host.state, report, before), controlled(host, call, order.units) as witness:
            processed = host.run(lambda: _process(host, call, order.job.seed))
            if witness.troubles:
                witness.check(processed)
        if any(getattr(host.state, mark, False) for mark in _STOPPED):
            raise Cancelled
        if not processed.images:
            raise RenderFailed("The WebUI gave no picture.", stage="render", mend=_CONSOLE)
        witness.check(processed)
        webui_checkpoints.check_used(host, order.entry, order.checkpoint)
        webui_lora.check_worn(host, order.job.loras, processed.comments)
    painted = _picture(processed, order)
    report(Step("render", order.job.steps, order.job.steps))
    return painted


@contextmanager
def _stated(host: Host) -> Iterator[None]:
    """Inside it the host says that a job of ours runs. Marks of an earlier one are gone."""
    host.state.begin(job="easyphoto")
    host.state.sampling_steps = 0  # begin leaves those of the job before
    try:
        yield
    finally:
        host.state.end()
        host.state.current_latent = host.state.current_image = (
            None  # else previews of the face could still be asked for
        )
        host.shared.total_tqdm.clear()  # the bar in the host's console


def _loading(host: Host, order: _Order) -> Step:
    """What is said until the first step."""
    held = getattr(host.sd_models.model_data.sd_model, "sd_checkpoint_info", None)
    if held is not None and held.filename == order.entry.filename:
        return Step("render", 0, order.job.steps)
    return Step("load model", 0, 1, order.checkpoint.name)


def _processing(host: Host, order: _Order) -> Any:
    """The host's description of the job. The mask is hard: our own blending feathers."""
    job, outside = order.job, str(getattr(host.options, "outdir_img2img_samples", ""))
    call = host.processing.StableDiffusionProcessingImg2Img(
        outpath_samples=outside,
        outpath_grids=outside,
        prompt=order.prompt,
        negative_prompt=job.negative_prompt,
        seed=job.seed,
        **order.sampler,
        steps=job.steps,
        cfg_scale=job.guidance,
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
        override_settings=dict(order.overrides),
        override_settings_restore_afterwards=True,
    )
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
        return RenderFailed(
            "There is not enough memory for this picture.",
            stage="render",
            mend="Close other programs that use the GPU, or start the WebUI with less of it (A1111: --medvram).",
        )
    if type(problem).__name__ == "NansException":
        return RenderFailed("The model gave no numbers.", stage="render", mend=_NO_HALF)
    mend = _CONSOLE
    if "settings" in text and isinstance(problem, AssertionError):
        mend = "The WebUI's settings are frozen: choose the checkpoint that is selected in it."
    return RenderFailed(f"The WebUI could not make the picture: {text}", stage="render", mend=mend)


_CONSOLE = "Look for the reason in the WebUI's console."
_STOPPED = ("interrupted", "skipped", "stopping_generation")
_NO_HALF = "Start the WebUI with --no-half-vae (Forge: --vae-in-fp32), or choose another VAE or base model."


def _picture(processed: Any, order: _Order) -> Image.Image:
    painted: Image.Image = processed.images[0].convert("RGB")
    if is_blank(painted, order.job.picture):
        raise RenderFailed("The model gave a black picture.", stage="render", file=order.checkpoint.name, mend=_NO_HALF)
    return painted
