"""What a person can be trained with in ComfyUI: what ships, and the checkpoints in ComfyUI's own folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from easyphoto.domain import Checkpoint, ModelFamily
from easyphoto.engines.comfyui.device_memory import given_back
from easyphoto.engines.local.engine import LocalEngine
from easyphoto.engines.model_probe import family_or_none
from easyphoto.progress import Progress, silent


class HostCheckpointsEngine(LocalEngine):
    """The local engine with ComfyUI's checkpoints beside its own, whose device memory is lent to a training."""

    def checkpoints(self) -> list[Checkpoint]:
        """Its own first."""
        own = super().checkpoints()
        taken = {checkpoint.name for checkpoint in own}
        return own + [checkpoint for checkpoint in _checkpoints() if checkpoint.name not in taken]

    @contextmanager
    def offloaded(self, report: Progress = silent) -> Iterator[Progress]:
        """See `Engine.offloaded`."""
        with super().offloaded(report) as shown:
            given_back()
            yield shown


def _checkpoints() -> Iterator[Checkpoint]:
    """Of a family of ours, by ComfyUI's names without the suffix; pickles are never opened."""
    import folder_paths

    for name in folder_paths.get_filename_list("checkpoints"):
        file = Path(folder_paths.get_full_path("checkpoints", name) or "")
        family = _family(file, file.stat().st_mtime_ns) if file.suffix == ".safetensors" and file.is_file() else None
        if family is not None:
            yield Checkpoint(name.removesuffix(".safetensors"), family, file)


@lru_cache(maxsize=1000)
def _family(file: Path, modified: int) -> ModelFamily | None:
    """Read once for each version of the file: ComfyUI asks for the lists of its nodes several times a workflow."""
    return family_or_none(file)
