"""Diffusers pipelines from local files for inpainting: where they compute, their classes and their sampler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from easyphoto.domain import SAMPLERS, ModelFamily
from easyphoto.errors import BadModel
from easyphoto.families.base import Pipelines

if TYPE_CHECKING:
    import torch


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


def for_inpainting(base: Any, controls: Sequence[Any], family: ModelFamily, sampler: str) -> Any:
    """An inpainting pipeline that shares the base's networks, with the sampler of that name."""
    import diffusers

    kinds = pipelines_of(family)
    parts = {name: part for name, part in base.components.items() if name != "image_encoder"}
    parts |= {"scheduler": scheduler_of(base.scheduler, sampler), **kinds.inpaint_options}
    if not controls:
        return getattr(diffusers, kinds.inpaint)(**parts)
    return getattr(diffusers, kinds.control_inpaint)(**parts, controlnet=list(controls))


def scheduler_of(scheduler: Any, sampler: str, **told: Any) -> Any:
    """The sampler of that name for a model with that scheduler; `told` goes before the scheduler's configuration."""
    import diffusers

    chosen = SAMPLERS[sampler]
    return getattr(diffusers, chosen.scheduler).from_config(scheduler.config, **chosen.options, **told)
