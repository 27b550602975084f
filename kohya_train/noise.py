"""The training objective: noise at a random level, and how far the U-Net's answer is off."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from kohya_train.contract import TrainConfig, TrainerError

LARGEST_SNR = 1000.0  # of the debiased estimation, as kohya's


class UnknownObjective(TrainerError):
    """The scheduler names a prediction we do not know."""


def noise_like(latents: Tensor, offset: float, generator: torch.Generator) -> Tensor:
    """Gaussian noise (n, c, h, w); `offset` adds a share that is constant over a channel."""
    noise = torch.randn(latents.shape, generator=generator)
    if offset:
        noise = noise + offset * torch.randn((*latents.shape[:2], 1, 1), generator=generator)
    return noise


def perturbed(noise: Tensor, gamma: float, generator: torch.Generator) -> Tensor:
    """What is added to the latents in place of `noise`, which stays the target (Ning et al. 2023); `gamma` 0: it."""
    return noise + gamma * torch.randn(noise.shape, generator=generator) if gamma else noise


def target_of(scheduler: Any, latents: Tensor, noise: Tensor, levels: Tensor) -> Tensor:
    """What the U-Net should answer. Raises UnknownObjective."""
    kind = scheduler.config.prediction_type
    if kind == "epsilon":
        return noise
    if kind == "v_prediction":
        velocity: Tensor = scheduler.get_velocity(latents, noise, levels)
        return velocity
    if kind == "sample":
        return latents
    raise UnknownObjective("unknown-prediction-type", kind=str(kind))


def level_weights(scheduler: Any, levels: Tensor, config: TrainConfig) -> Tensor:
    """Weights (n,) of the pictures by their noise level: debiased estimation, min-SNR, or ones."""
    if config.debiased_estimation:
        return debiased_weights(scheduler, levels)
    return snr_weights(scheduler, levels, config.min_snr_gamma)


def snr_weights(scheduler: Any, levels: Tensor, gamma: float) -> Tensor:
    """Min-SNR weights (n,) of Hang et al. 2023 for the scheduler's prediction; ones when gamma is 0."""
    if gamma == 0:
        return torch.ones(len(levels))
    snr = _snr(scheduler, levels)
    least: Tensor = snr.clamp(max=gamma)
    kinds = {"epsilon": least / snr, "v_prediction": least / (snr + 1)}
    weights: Tensor = kinds.get(scheduler.config.prediction_type, least)
    return weights


def debiased_weights(scheduler: Any, levels: Tensor) -> Tensor:
    """Weights (n,) of Yu et al. 2024, as kohya's: 1 / sqrt(SNR), for v-prediction 1 / (SNR + 1)."""
    snr = _snr(scheduler, levels).clamp(max=LARGEST_SNR)
    return 1 / (snr + 1) if scheduler.config.prediction_type == "v_prediction" else snr.rsqrt()


def _snr(scheduler: Any, levels: Tensor) -> Tensor:
    kept = scheduler.alphas_cumprod.float()[levels]
    ratio: Tensor = kept / (1 - kept)
    return ratio


def huber_bounds(scheduler: Any, levels: Tensor, config: TrainConfig) -> Tensor:
    """From where on an error counts linearly, (n,), by noise level as kohya's schedules have it."""
    c = config.huber_c
    if config.huber_schedule == "constant":
        return torch.full((len(levels),), c)
    if config.huber_schedule == "exponential":
        rate = -math.log(c) / int(scheduler.config.num_train_timesteps)
        return torch.exp(-rate * levels.float())
    sigma = _snr(scheduler, levels).rsqrt()
    return (1 - c) / (1 + sigma) ** 2 + c


def pixel_errors(predicted: Tensor, target: Tensor, kind: str, bounds: Tensor) -> Tensor:
    """Error of every number (n, c, h, w), fp32: squared, or pseudo-Huber with a bound a picture (n,)."""
    off = predicted.float() - target.float()
    if kind == "l2":
        return off.square()
    c = bounds.view(-1, 1, 1, 1)
    bent = 2 * ((off.square() + c.square()).sqrt() - c)
    return c * bent if kind == "huber" else bent


def weighted_error(errors: Tensor, weights: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean over the batch of each picture's mean error times its weight; `mask` (n, 1, h, w) weighs places; fp32."""
    if mask is not None:
        errors = errors * mask
    error: Tensor = (errors.mean(dim=(1, 2, 3)) * weights).mean()
    return error
