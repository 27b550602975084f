"""Diffusers pipelines from local files, for inpainting, with ControlNets where there are some."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from easyphoto.domain import Checkpoint, ModelFamily
from easyphoto.errors import BadModel
from easyphoto.families.base import Pipelines
from easyphoto.system_errors import shortage_of

if TYPE_CHECKING:
    import torch

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DevicePlacement:
    """Where and in what precision a pipeline computes."""

    device: str
    dtype: torch.dtype


def choose_placement(device: str | None) -> DevicePlacement:
    """The asked device, else the best there is; fp16 on GPUs, fp32 on the CPU."""
    import torch

    if device is None:
        mps = getattr(torch.backends, "mps", None)
        device = "cuda" if torch.cuda.is_available() else "mps" if mps and mps.is_available() else "cpu"
    return DevicePlacement(device, torch.float32 if device == "cpu" else torch.float16)


def pipelines_of(family: ModelFamily) -> Pipelines:
    """Diffusers' classes for the family. Raises BadModel for one that diffusers has none for."""
    if family.spec.pipelines is None:
        raise BadModel("engine.no-pipeline", stage="model", family=family.value)
    return family.spec.pipelines


def open_base(checkpoint: Checkpoint, configs: Path, placing: DevicePlacement) -> Any:
    """The checkpoint as a text-to-image pipeline in that precision, still on the CPU.

    `configs` holds a folder per family with the architecture of single files. Raises BadModel.
    """
    import diffusers

    kinds = pipelines_of(checkpoint.family)
    kind, options = getattr(diffusers, kinds.base), {**_options(placing), **kinds.base_options}
    file = checkpoint.file
    if file is None:
        raise BadModel("engine.no-checkpoint-file", stage="model", name=checkpoint.name)
    try:
        if file.is_dir():
            return kind.from_pretrained(file, use_safetensors=True, **options)
        config = str(configs / checkpoint.family.value)
        return kind.from_single_file(str(file), config=config, **options)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as problem:
        bad = BadModel("engine.checkpoint-not-loaded", stage="model", file=str(file), why=str(problem)[:300])
        raise shortage_of(problem) or bad from problem


def open_control(entry: Path, config: Path, placing: DevicePlacement) -> Any:
    """A ControlNet from a file or a diffusers folder. Raises BadModel."""
    from diffusers import ControlNetModel

    options = _options(placing)
    try:
        if entry.is_dir():
            return ControlNetModel.from_pretrained(entry, use_safetensors=True, **options)
        return ControlNetModel.from_single_file(str(entry), config=str(config), **options)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as problem:
        bad = BadModel("engine.controlnet-not-loaded", stage="ControlNet", file=str(entry), why=str(problem)[:300])
        raise shortage_of(problem) or bad from problem


def _options(placing: DevicePlacement) -> dict[str, Any]:
    """Precision, and no network; the name of the precision changed in diffusers 0.42."""
    import diffusers

    version = tuple(int(part) for part in diffusers.__version__.split(".")[:2])
    return {"dtype" if version >= (0, 42) else "torch_dtype": placing.dtype, "local_files_only": True}


def for_inpainting(base: Any, controls: Sequence[Any], family: ModelFamily) -> Any:
    """An inpainting pipeline that shares the base's networks."""
    import diffusers

    kinds = pipelines_of(family)
    parts = {name: part for name, part in base.components.items() if name != "image_encoder"}
    parts |= {"scheduler": _sampler(base.scheduler), **kinds.inpaint_options}
    if not controls:
        return getattr(diffusers, kinds.inpaint)(**parts)
    return getattr(diffusers, kinds.control_inpaint)(**parts, controlnet=list(controls))


def _sampler(scheduler: Any) -> Any:
    """DPM++ 2M SDE with Karras' noise levels (Lu et al. 2022, Karras et al. 2022)."""
    from diffusers import DPMSolverMultistepScheduler

    return DPMSolverMultistepScheduler.from_config(
        scheduler.config, algorithm_type="sde-dpmsolver++", solver_order=2, use_karras_sigmas=True
    )


def save_memory(pipe: Any, placing: DevicePlacement) -> None:
    """The one step down when memory runs out: attention in slices, and networks loaded layer by layer on CUDA."""
    pipe.enable_attention_slicing()
    if placing.device.startswith("cuda"):
        pipe.enable_sequential_cpu_offload()


def empty_cache(device: str) -> None:
    """Give freed memory back to the device."""
    import gc

    import torch

    gc.collect()
    if device.startswith("cuda") and torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()
