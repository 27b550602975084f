"""The engine on the WebUI's own img2img: its checkpoints, its LoRAs, its ControlNet, in its queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from easyphoto.domain import Checkpoint, ModelFamily, Rendered, RenderJob
from easyphoto.engines.padding import blend, check_job, padded
from easyphoto.engines.webui import checkpoints
from easyphoto.engines.webui import lora as lora_files
from easyphoto.engines.webui.checkpoints import Checkpoints
from easyphoto.engines.webui.controlnet import hook_set_aside, unload
from easyphoto.engines.webui.controlnet_units import choose_units
from easyphoto.engines.webui.device_memory import room_for_both
from easyphoto.engines.webui.host import Host, current_host
from easyphoto.engines.webui.host_queue import acquire_queue, shown_in, stated
from easyphoto.engines.webui.img2img import Img2ImgCall, choose_sampler
from easyphoto.engines.webui.second_try import paint_or_again
from easyphoto.errors import RenderFailed
from easyphoto.locales import Message, message
from easyphoto.progress import Progress, silent


class WebuiEngine:
    """Repaints with the models of the WebUI this process belongs to, in its queue, and leaves it as it was.

    `vae` names the VAE of the host's to use for jobs that name none, each time anew; "" leaves the choice to the host.
    Within a job of the host's own only one that was made for it may be called: the queue's lock is not re-entrant.
    """

    def __init__(
        self, vae: Callable[[], str] = str, inside_job: bool = False, beside: Callable[[], bool] = bool
    ) -> None:
        """With `inside_job` it is called by a job of the host's own, in whose queue and thread it renders.

        `beside` says whether a training may run beside the host's own pictures where there is memory for both.
        """
        self._vae = vae
        self._beside = beside
        self._inside_job = inside_job
        self._checkpoints = Checkpoints()
        self._sessions = 0  # open `session` blocks
        self._lender: int | None = None  # the thread inside `offloaded`

    def checkpoints(self) -> list[Checkpoint]:
        """Those of the host that are of a family of ours."""
        return [checkpoint for checkpoint, _ in self._checkpoints.listed(current_host()).values()]

    def default(self) -> str:
        """The one that is selected in the host."""
        return self._checkpoints.default(current_host())

    def checkpoint(self, name: str) -> Checkpoint:
        """By our name or any of the host's. Raises MissingModel naming what there is."""
        return self._checkpoints.find(current_host(), name)[0]

    def render(self, job: RenderJob, report: Progress) -> Rendered:
        """See `Engine.render`; while another job of the host's runs, the stage is "waiting"."""
        check_job(job)
        host = self._free_host()
        self.checkpoint(job.checkpoint)
        if job.strength == 0 or job.mask.getbbox() is None:
            return Rendered(job.picture)
        frame, job_in_frame = padded(job, host.kind.multiple)
        with self._turn(host, report):
            call, notes = self._call(host, job_in_frame)
            painted, more = paint_or_again(host, call, report)
        return Rendered(blend(job.picture, frame.crop(painted), job.mask), notes + more)

    @contextmanager
    def _turn(self, host: Host, report: Progress) -> Iterator[None]:
        """Inside it nobody else generates; outside of a session the host has its own checkpoint again afterwards."""
        if self._inside_job:
            with hook_set_aside(host):
                yield
            return
        with acquire_queue(host.lock, report):
            try:
                yield
            finally:
                if not self._sessions:
                    checkpoints.restore_checkpoint(host)

    def _call(self, host: Host, job: RenderJob) -> tuple[Img2ImgCall, tuple[Message, ...]]:
        """What is asked of the host, and what cannot be honoured. Raises MissingModel, BadModel, RenderFailed."""
        checkpoint, entry = self._checkpoints.find(host, job.checkpoint)
        units, left_out = choose_units(host, job.hints, checkpoint.family)
        if job.identity:
            left_out += (message("webui.note.no-identity-adapter"),)
        sampler, other = choose_sampler(host, job.sampler)
        overrides = checkpoints.overrides(host, entry, job.vae or self._vae())
        prompt = lora_files.add_lora_tags(job.prompt, host, job.loras)
        return Img2ImgCall(job, checkpoint, entry, prompt, sampler, overrides, units), left_out + other

    def vaes(self) -> list[str]:
        """Those of the host."""
        return checkpoints.vaes(current_host())

    def identity_adapter(self, family: ModelFamily) -> None:
        """None: the host's pipelines get none."""

    @contextmanager
    def session(self) -> Iterator[None]:
        """See `Engine.session`: our checkpoint stays loaded inside.

        Where somebody else's job runs on leaving, that job has already loaded the host's own.
        """
        self._sessions += 1
        try:
            yield
        finally:
            self._sessions -= 1
            host = current_host()
            if not self._inside_job and not self._sessions and host.lock.acquire(blocking=False):
                try:
                    checkpoints.restore_checkpoint(host)
                finally:
                    host.lock.release()

    @contextmanager
    def offloaded(self, report: Progress = silent) -> Iterator[Progress]:
        """See `Engine.offloaded`: the host's models are off the device and nobody can generate.

        The host shows the training as the job that its own pictures wait for, and its buttons end it; beside its
        pictures nothing is off the device and nobody waits.
        """
        host = self._free_host()
        if self._beside() and room_for_both():
            yield report
            return
        with acquire_queue(host.lock, report):
            self._lender = threading.get_ident()
            try:
                unload(host)
                with checkpoints.offloaded(host), stated(host.state, "EasyPhoto training"):
                    yield shown_in(host.state, report)
            finally:
                self._lender = None

    def forget(self, lora: Path) -> None:
        """See `Engine.forget`."""
        lora_files.forget(current_host(), lora)

    def _free_host(self) -> Host:
        """Raises RenderFailed in the thread that has the device for a training: waiting would never end."""
        if self._lender == threading.get_ident():
            raise RenderFailed("webui.device-lent", stage="render")
        return replace(current_host(), inside_job=self._inside_job)
