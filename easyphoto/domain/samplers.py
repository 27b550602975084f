"""Samplers of the diffusion under the names that AUTOMATIC1111's WebUI has for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Sampler:
    """One sampler with its noise levels, for a WebUI and for diffusers."""

    method: str  # as WebUIs from 1.9 list it
    scheduler: str  # diffusers' class
    options: Mapping[str, Any] = field(default_factory=dict)  # what the class is told
    schedule: str = ""  # the WebUI's "schedule type"; empty: the method's own

    @property
    def name(self) -> str:
        """As WebUIs before 1.9 list it, and as requests and settings have it."""
        return f"{self.method} {self.schedule}".rstrip()


_MULTISTEP, _KARRAS = "DPMSolverMultistepScheduler", {"use_karras_sigmas": True}
_EVEN = {"use_karras_sigmas": False}
_ODE = {"algorithm_type": "dpmsolver++", "solver_order": 2}
_SDE = {"algorithm_type": "sde-dpmsolver++", "solver_order": 2}

# DPM++: Lu et al. 2022; Karras' noise levels, Heun and DPM2: Karras et al. 2022; UniPC: Zhao et al. 2023;
# LCM: Luo et al. 2023.
_ALL = (
    Sampler("DPM++ 2M SDE", _MULTISTEP, _SDE | _KARRAS, "Karras"),
    Sampler("DPM++ 2M SDE", _MULTISTEP, _SDE | _EVEN),
    Sampler("DPM++ 2M", _MULTISTEP, _ODE | _KARRAS, "Karras"),
    Sampler("DPM++ 2M", _MULTISTEP, _ODE | _EVEN),
    Sampler("Euler a", "EulerAncestralDiscreteScheduler"),
    Sampler("Euler", "EulerDiscreteScheduler", _EVEN),
    Sampler("Heun", "HeunDiscreteScheduler", _EVEN),
    Sampler("LMS", "LMSDiscreteScheduler", _KARRAS, "Karras"),
    Sampler("LMS", "LMSDiscreteScheduler", _EVEN),
    Sampler("DPM2", "KDPM2DiscreteScheduler", _KARRAS, "Karras"),
    Sampler("DPM2", "KDPM2DiscreteScheduler", _EVEN),
    Sampler("DPM2 a", "KDPM2AncestralDiscreteScheduler", _KARRAS, "Karras"),
    Sampler("DPM2 a", "KDPM2AncestralDiscreteScheduler", _EVEN),
    Sampler("DDIM", "DDIMScheduler"),
    Sampler("UniPC", "UniPCMultistepScheduler", _EVEN),
    Sampler("LCM", "LCMScheduler"),
)

SAMPLERS: Mapping[str, Sampler] = MappingProxyType({sampler.name: sampler for sampler in _ALL})
"""By name, the default first."""

DEFAULT_SAMPLER, LCM_SAMPLER = _ALL[0].name, "LCM"
