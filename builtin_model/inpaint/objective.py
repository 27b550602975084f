"""What the network is trained for: v (Salimans and Ho 2022), weighted by min-SNR (Hang et al. 2023) and the mask."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from builtin_model.inpaint.pool import Batch

_SNR_CAP = 5.0
_OUTSIDE = 0.1  # weight of what is not masked


def noised(latents: Tensor, noise: Tensor, signal: Tensor) -> Tensor:
    """Latents at a noise level; `signal` (n,) is alpha-bar."""
    share = signal.reshape(-1, 1, 1, 1)
    return share.sqrt() * latents + (1 - share).sqrt() * noise


def clean(noisy: Tensor, v: Tensor, signal: Tensor) -> Tensor:
    """The latents that a predicted v means."""
    share = signal.reshape(-1, 1, 1, 1)
    return share.sqrt() * noisy - (1 - share).sqrt() * v


def loss(v: Tensor, batch: Batch, noise: Tensor, signal: Tensor) -> Tensor:
    """The mean weighted square error of a predicted v (n, 12, h, w)."""
    share = signal.reshape(-1, 1, 1, 1)
    target = share.sqrt() * noise - (1 - share).sqrt() * batch.latents
    ratio = share / (1 - share)
    weight = ratio.clamp(max=_SNR_CAP) / (ratio + 1)
    return (weight * (batch.mask + _OUTSIDE * (1 - batch.mask)) * (v.float() - target) ** 2).mean()


@torch.no_grad()
def clean_error(unet: Any, batch: Batch, states: Tensor, time: int, signal: Tensor) -> tuple[float, float]:
    """(sum of squared errors of the painted latents inside the mask, its count) at one time; noise by that time."""
    generator = torch.Generator().manual_seed(time)
    noise = torch.randn(batch.latents.shape, generator=generator)
    level = signal.expand(len(noise))
    noisy = noised(batch.latents, noise, level)
    v = unet(torch.cat([noisy, batch.conditions()], 1), time, states).sample.float()
    gap = (clean(noisy, v, level) - batch.latents) ** 2 * batch.mask
    return float(gap.sum()), float(batch.mask.sum()) * gap.shape[1]
