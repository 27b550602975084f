"""Diffusers pipelines from local files for inpainting: where they compute, their classes and their sampler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from easyphoto.domain import ModelFamily
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


def for_inpainting(base: Any, controls: Sequence[Any], family: ModelFamily) -> Any:
    """An inpainting pipeline that shares the base's networks."""
    import diffusers

    kinds = pipelines_of(family)
    parts = {name: part for name, part in base.components.items() if name != "image_encoder"}
    parts |= {"scheduler": sampler(base.scheduler), **kinds.inpaint_options}
    if not controls:
        return getattr(diffusers, kinds.inpaint)(**parts)
    return getattr(diffusers, kinds.control_inpaint)(**parts, controlnet=list(controls))


def sampler(scheduler: Any, **told: Any) -> Any:
    """DPM++ 2M SDE with Karras' noise levels (Lu et al. 2022, Karras et al. 2022); `told` goes before `scheduler`'s."""
    from diffusers import DPMSolverMultistepScheduler

    return DPMSolverMultistepScheduler.from_config(
        scheduler.config, algorithm_type="sde-dpmsolver++", solver_order=2, use_karras_sigmas=True, **told
    )
