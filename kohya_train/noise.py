"""The training objective: noise at a random level, and how far the U-Net's answer is off."""

from __future__ import annotations

from typing import Any

import torch

from kohya_train.contract import TrainerError


class UnknownObjective(TrainerError):
    """The scheduler names a prediction we do not know."""


def noise_like(latents: torch.Tensor, offset: float, generator: torch.Generator) -> torch.Tensor:
    """Gaussian noise (n, c, h, w); `offset` adds a share that is constant over a channel."""
    noise = torch.randn(latents.shape, generator=generator)
    if offset:
        noise = noise + offset * torch.randn((*latents.shape[:2], 1, 1), generator=generator)
    return noise


def target_of(scheduler: Any, latents: torch.Tensor, noise: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """What the U-Net should answer. Raises UnknownObjective."""
    kind = scheduler.config.prediction_type
    if kind == "epsilon":
        return noise
    if kind == "v_prediction":
        velocity: torch.Tensor = scheduler.get_velocity(latents, noise, levels)
        return velocity
    if kind == "sample":
        return latents
    raise UnknownObjective("unknown-prediction-type", kind=str(kind))


def snr_weights(scheduler: Any, levels: torch.Tensor, gamma: float) -> torch.Tensor:
    """Min-SNR weights (n,) of Hang et al. 2023 for the scheduler's prediction; ones when gamma is 0."""
    if gamma == 0:
        return torch.ones(len(levels))
    kept = scheduler.alphas_cumprod.float()[levels]
    snr = kept / (1 - kept)
    least: torch.Tensor = snr.clamp(max=gamma)
    kinds = {"epsilon": least / snr, "v_prediction": least / (snr + 1)}
    weights: torch.Tensor = kinds.get(scheduler.config.prediction_type, least)
    return weights


def weighted_error(predicted: torch.Tensor, target: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Mean over the batch of each picture's squared error times its weight; fp32 scalar."""
    each = torch.nn.functional.mse_loss(predicted.float(), target.float(), reduction="none").mean(dim=(1, 2, 3))
    error: torch.Tensor = (each * weights).mean()
    return error
