"""Painting: DDIM (Song et al. 2020, eta 0) for a network that predicts v, inside a mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from builtin_model.inpaint.objective import clean, noised

FEWEST_STEPS = 4

OnStep = Callable[[int, int], None]
"""Called with steps done and all steps; what it raises ends the work."""


@dataclass(frozen=True)
class Sampling:
    """How to paint."""

    steps: int = 20  # for strength 1; as many as the strength asks for are taken
    strength: float = 1.0  # 1 = from pure noise, 0 = nothing is done
    seed: int = 0


def ignore(done: int, total: int) -> None:
    """An OnStep that does nothing."""


def times_of(how: Sampling, count: int = 1000) -> list[int]:
    """Training times from the strength's down, of `count` there are; empty where the strength is 0."""
    first = round(how.strength * count) - 1
    steps = max(FEWEST_STEPS, round(how.steps * how.strength))
    return [int(t) for t in np.linspace(first, 0, steps + 1)[:-1].round()] if first >= 1 else []


@torch.no_grad()
def paint(
    unet: Any, conditions: Tensor, states: Tensor, start: Tensor, how: Sampling, on_step: OnStep = ignore
) -> Tensor:
    """Latents (n, 12, h, w) that begin as `start` noised to the strength; float32.

    `conditions` are the U-Net's 34 other channels, of which the thirteenth is the mask: outside it the start stays.
    """
    dtype, device = next(unet.parameters()).dtype, start.device
    signals, times = signals_of().to(device), times_of(how)
    if not times:
        return start
    mask = conditions[:, start.shape[1] : start.shape[1] + 1].float()
    noise = torch.randn(start.shape, generator=torch.Generator().manual_seed(how.seed)).to(device)
    latents = noised(start, noise, signals[times[0]].expand(len(start)))
    for index, time in enumerate(times):
        level = signals[time].expand(len(start))
        given = torch.cat([latents, conditions], 1).to(dtype)
        v = unet(given, time, states.to(dtype)).sample.float()
        painted = clean(latents, v, level)
        rest = level.sqrt().reshape(-1, 1, 1, 1) * v + (1 - level).sqrt().reshape(-1, 1, 1, 1) * latents
        later = signals[times[index + 1]] if index + 1 < len(times) else torch.ones_like(signals[0])
        painted = mask * painted + (1 - mask) * start
        latents = noised(painted, rest, later.expand(len(start)))
        on_step(index + 1, len(times))
    return latents


def signals_of() -> Tensor:
    """(1000,) alpha-bar of the training times: the scaled-linear schedule of Stable Diffusion."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float()
