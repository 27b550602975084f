"""The engine on what a workflow of ComfyUI's has wired to a node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from easyphoto.domain import Checkpoint, ControlHint, ModelFamily, Rendered, RenderJob
from easyphoto.engines.comfyui.device_memory import given_back
from easyphoto.engines.comfyui.lora import with_loras
from easyphoto.engines.comfyui.sampling import paint
from easyphoto.engines.comfyui.workflow import Workflow
from easyphoto.engines.controlnet_catalog import dropped, missing
from easyphoto.engines.padding import blend, check_job, is_blank, padded
from easyphoto.errors import MissingModel, RenderFailed
from easyphoto.locales import Message, message
from easyphoto.progress import Progress, silent

WORKFLOW = "workflow"
"""The name of the one base model that this engine has."""


class ComfyuiEngine:
    """Repaints with the models of one workflow, within the node that is executed. Nothing of them is changed.

    Loading, precision and memory are ComfyUI's. It knows no files: no training can begin with its base model.
    """

    def __init__(self, workflow: Workflow) -> None:
        """Raises BadModel for a model of a family that is not ours."""
        self._workflow = workflow
        self._checkpoint = Checkpoint(WORKFLOW, workflow.family)

    def checkpoints(self) -> list[Checkpoint]:
        """The one that is wired."""
        return [self._checkpoint]

    def default(self) -> str:
        """The one that is wired."""
        return WORKFLOW

    def checkpoint(self, name: str) -> Checkpoint:
        """Raises MissingModel for any other name."""
        if name != WORKFLOW:
            raise MissingModel(
                "engine.no-base-model", stage="render", file=name, name=name, there=[WORKFLOW], folder=WORKFLOW
            )
        return self._checkpoint

    def identity_adapter(self, family: ModelFamily) -> None:
        """None: an adapter is the workflow's own, on the model that it wires."""

    def vaes(self) -> list[str]:
        """None by name: the one that is wired is used."""
        return []

    @contextmanager
    def session(self) -> Iterator[None]:
        """Nothing of the host's is changed that would have to be restored."""
        yield

    def render(self, job: RenderJob, report: Progress) -> Rendered:
        """See `Engine.render`."""
        check_job(job)
        self.checkpoint(job.checkpoint)
        if job.strength == 0 or job.mask.getbbox() is None:
            return Rendered(job.picture)
        hints, notes = self._controlled(job.hints)
        frame, framed = padded(replace(job, hints=hints), self._checkpoint.family.spec.engine_multiple)
        model, clip = with_loras(self._workflow.model, self._workflow.clip, job.loras)
        painted = frame.crop(paint(replace(self._workflow, model=model, clip=clip), framed, report))
        if is_blank(painted, job.picture, job.mask):
            raise RenderFailed("engine.black-picture", stage="render", file=job.checkpoint)
        if job.identity:
            notes += (message("comfyui.note.no-identity-adapter"),)
        return Rendered(blend(job.picture, painted, job.mask), notes)

    def _controlled(self, hints: tuple[ControlHint, ...]) -> tuple[tuple[ControlHint, ...], tuple[Message, ...]]:
        """Hints that a ControlNet is wired for, and notes for the others. Raises MissingModel for a required one."""
        family, wired = self._checkpoint.family, self._workflow.controls
        for hint in hints:
            if hint.required and hint.kind not in wired:
                raise missing(hint.kind, family, WORKFLOW)
        left_out = tuple(dropped(hint.kind, family) for hint in hints if hint.kind not in wired)
        return tuple(hint for hint in hints if hint.kind in wired), left_out

    @contextmanager
    def offloaded(self, report: Progress = silent) -> Iterator[Progress]:
        """See `Engine.offloaded`."""
        given_back()
        yield report

    def forget(self, lora: Path) -> None:
        """LoRAs are applied where they lie; nothing is copied."""
