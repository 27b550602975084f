"""The engine on diffusers in our own process: the built-in base model and local checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from easyphoto.domain import BUILTIN_CHECKPOINT, Checkpoint, IdentityAdapter, ModelFamily, Rendered, RenderJob
from easyphoto.engines.identity_files import find_identity
from easyphoto.engines.local.loaded_model import Folders, LoadedModel, ModelChoice, Painted
from easyphoto.engines.local.memory import empty_cache, first_offload, is_out_of_memory
from easyphoto.engines.local.pipelines import choose_placement
from easyphoto.engines.local.renderers import renderer_of
from easyphoto.engines.local.silence import silenced
from easyphoto.engines.model_probe import find_checkpoints
from easyphoto.engines.padding import blend, check_job, is_blank, padded
from easyphoto.engines.vae_files import find_vaes
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
        self._folders = Folders(
            paths.weights / "controlnet", paths.models / "configs", paths.weights / "vae", paths.weights / "identity"
        )
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
        choice = ModelChoice(checkpoint, choose_placement(self._device), self._vae(job.vae, checkpoint))
        if not self._holds(choice):
            report(Step(Stage.LOAD_MODEL, 0, 1, checkpoint.name))
        loaded = self._load(choice)
        frame, in_frame = padded(job, checkpoint.family.spec.engine_multiple)
        painted, notes = self._paint(loaded, in_frame, report)
        if job.vae and choice.vae is None:
            notes += (message("engine.note.own-vae"),)
        return Rendered(blend(job.picture, frame.crop(painted), job.mask), notes)

    def vaes(self) -> list[str]:
        """What lies in the folder of VAEs."""
        return list(find_vaes(self._folders.vaes))

    def identity_adapter(self, family: ModelFamily) -> IdentityAdapter | None:
        """The one that a render would use, if all of its files are there."""
        files = find_identity(self._folders.identity, family) if family.spec.identity_layers else None
        return IdentityAdapter(files.kind.name, files.kind.weight) if files and not files.missing else None

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

    def _vae(self, name: str, checkpoint: Checkpoint) -> Path | None:
        """The file of that VAE; None for the checkpoint's own. Raises MissingModel naming what there is."""
        if not name or checkpoint.family.spec.pipelines is None:
            return None
        there = find_vaes(self._folders.vaes)
        if name.removesuffix(".safetensors") in there:
            return there[name.removesuffix(".safetensors")]
        folder = str(self._folders.vaes)
        raise MissingModel("engine.no-vae", stage="render", file=name, name=name, there=list(there), folder=folder)

    def _holds(self, choice: ModelChoice) -> bool:
        return self._loaded is not None and self._loaded.asked == choice

    def _load(self, choice: ModelChoice) -> LoadedModel:
        if self._loaded is not None and self._holds(choice):
            return self._loaded
        self._drop()
        renderer = renderer_of(choice.checkpoint.family)
        with silenced():
            base = renderer.open(choice, self._folders)
        offload = first_offload(base, choice.placing.device)
        self._loaded = LoadedModel(choice, renderer, base, choice.placing, offload=offload)
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
