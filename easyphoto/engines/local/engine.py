"""The engine on diffusers in our own process: the built-in base model and local checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from easyphoto.domain import BUILTIN_CHECKPOINT, Checkpoint, Rendered, RenderJob
from easyphoto.engines.local.loaded_model import Folders, LoadedModel, Painted
from easyphoto.engines.local.memory import empty_cache, first_offload, is_out_of_memory
from easyphoto.engines.local.pipelines import DevicePlacement, choose_placement
from easyphoto.engines.local.renderers import renderer_of
from easyphoto.engines.local.silence import silenced
from easyphoto.engines.model_probe import find_checkpoints
from easyphoto.engines.padding import blend, check_job, is_blank, padded
from easyphoto.errors import MissingModel, RenderFailed
from easyphoto.families import specs
from easyphoto.locales import Message, message
from easyphoto.paths import Paths
from easyphoto.progress import Progress, Step, silent
from easyphoto.stages import Stage


class LocalEngine:
    """Repaints with diffusers; keeps the last checkpoint loaded. Never touches the network."""

    def __init__(self, paths: Paths, device: str | None = None) -> None:
        self._paths = paths
        self._device = device
        self._folders = Folders(paths.weights / "controlnet", paths.models / "configs")
        self._loaded: LoadedModel | None = None

    def checkpoints(self) -> list[Checkpoint]:
        """The models that ship, the built-in one first, and what lies in the weights folder."""
        places = [(spec.id, self._paths.models / spec.folder) for spec in specs() if spec.folder]
        shipped = [
            Checkpoint(family.value, family, folder)
            for family, folder in places
            if (folder / "model_index.json").is_file()
        ]
        return shipped + find_checkpoints(self._paths.weights)

    def checkpoint(self, name: str) -> Checkpoint:
        """By name, with or without `.safetensors`. Raises MissingModel naming what there is."""
        there = self.checkpoints()
        for found in there:
            if found.name == name.removesuffix(".safetensors"):
                return found
        raise MissingModel(
            "engine.no-base-model",
            stage="render",
            file=name,
            name=name,
            there=[c.name for c in there],
            folder=str(self._paths.weights),
        )

    def render(self, job: RenderJob, report: Progress) -> Rendered:
        """See `Engine.render`. Same job, same bytes on one machine."""
        check_job(job)
        checkpoint = self.checkpoint(job.checkpoint)
        placing = choose_placement(self._device)
        if not self._holds(checkpoint, placing):
            report(Step(Stage.LOAD_MODEL, 0, 1, checkpoint.name))
        loaded = self._load(checkpoint, placing)
        frame, in_frame = padded(job, checkpoint.family.spec.engine_multiple)
        painted, notes = self._paint(loaded, in_frame, report)
        return Rendered(blend(job.picture, frame.crop(painted), job.mask), notes)

    def default(self) -> str:
        """The built-in model."""
        return BUILTIN_CHECKPOINT

    @contextmanager
    def session(self) -> Iterator[None]:
        """There is no host to restore."""
        yield

    def forget(self, lora: Path) -> None:
        """LoRAs are applied where they lie; nothing is copied."""

    @contextmanager
    def offloaded(self, report: Progress = silent) -> Iterator[Progress]:
        """See `Engine.offloaded`; the checkpoint is loaded again by the next render."""
        self._drop()
        yield report

    def _drop(self) -> None:
        if self._loaded is not None:
            device = self._loaded.placing.device
            self._loaded = None
            empty_cache(device)

    def _holds(self, checkpoint: Checkpoint, placing: DevicePlacement) -> bool:
        held = self._loaded
        return held is not None and held.checkpoint == checkpoint and held.asked == placing

    def _load(self, checkpoint: Checkpoint, placing: DevicePlacement) -> LoadedModel:
        if self._loaded is not None and self._holds(checkpoint, placing):
            return self._loaded
        self._drop()
        renderer = renderer_of(checkpoint.family)
        with silenced():
            base = renderer.open(checkpoint, self._folders, placing)
        offload = first_offload(base, placing.device)
        self._loaded = LoadedModel(checkpoint, placing, renderer, base, placing, offload=offload)
        return self._loaded

    def _paint(self, loaded: LoadedModel, job: RenderJob, report: Progress) -> Painted:
        """With steps down in memory and one step up in precision where needed."""
        import torch

        painted, notes = self._within_memory(loaded, job, report)
        if not is_blank(painted, job.picture, job.mask):
            return painted, notes
        if loaded.placing.dtype is not torch.float32:
            loaded.upcast()
            painted, notes = self._within_memory(loaded, job, report)
            if not is_blank(painted, job.picture, job.mask):
                return painted, (*notes, message("engine.note.full-precision"))
        raise RenderFailed("engine.black-picture", stage="render", file=job.checkpoint)

    def _within_memory(self, loaded: LoadedModel, job: RenderJob, report: Progress) -> Painted:
        """In the way that served last, then with less and less memory; said in the notes once."""
        notes: tuple[Message, ...] = ()
        while (painted := self._attempt(loaded, job, report)) is None:
            empty_cache(loaded.placing.device)
            if not loaded.step_down():
                self._drop()
                raise RenderFailed("engine.out-of-memory", stage="render", file=job.checkpoint)
            notes = (message("engine.note.slower"),)
        return painted[0], (*painted[1], *notes)

    def _attempt(self, loaded: LoadedModel, job: RenderJob, report: Progress) -> Painted | None:
        """None where memory ran out. The caller goes on outside of the `except`, whose frames hold what filled it."""
        try:
            return loaded.renderer.paint(loaded, job, self._folders, report)
        except (RuntimeError, MemoryError) as problem:
            if not is_out_of_memory(problem):
                raise
            return None
