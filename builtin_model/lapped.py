"""Learns the windows of PatchAutoencoder from pictures: least squares, then decorrelated and scaled channels."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from builtin_model.autoencoder import STRIDE, WINDOW, PatchAutoencoder

_log = logging.getLogger(__name__)

Batches = Callable[[int], Tensor]
"""n -> that many training pictures (n, 3, side, side) in -1..1."""


def learn(batches: Batches, channels: int, steps: int, whitening: float) -> PatchAutoencoder:
    """An autoencoder that is best in the mean square, started from the principal components of 8 x 8 blocks.

    `whitening` 0 leaves the channels' variances as they are, 1 makes them equal; their mean is 1 in any case.
    """
    model: PatchAutoencoder = PatchAutoencoder(latent_channels=channels)
    start_from_components(model, batches(256))
    fit(model, batches, steps)
    scale_channels(model, batches(256), whitening)
    return model


def start_from_components(model: PatchAutoencoder, pictures: Tensor) -> None:
    """Set both windows to the leading principal components of 8 x 8 blocks, zero in the overlap."""
    blocks = functional.unfold(pictures, STRIDE, stride=STRIDE).transpose(1, 2).reshape(-1, 3 * STRIDE * STRIDE)
    centerd = blocks - blocks.mean(0)
    _, vectors = torch.linalg.eigh(centerd.T @ centerd / len(centerd))
    count = model.config.latent_channels
    leading = vectors.flip(1)[:, :count].T.reshape(count, 3, STRIDE, STRIDE)
    margin = (WINDOW - STRIDE) // 2
    window = functional.pad(leading, (margin,) * 4)
    with torch.no_grad():
        model.analysis.weight.copy_(window)
        model.synthesis.weight.copy_(window)
        bias(model.analysis).zero_()
        bias(model.synthesis).copy_(pictures.mean((0, 2, 3)))


def fit(model: PatchAutoencoder, batches: Batches, steps: int) -> None:
    """Least squares over fresh batches, with a little noise on the latents so that no channel relies on another."""
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    generator = torch.Generator().manual_seed(0)
    for step in range(steps):
        pictures = batches(16)
        latents = model.encode(pictures).latent_dist.mode()
        noisy = latents + 0.05 * torch.randn(latents.shape, generator=generator)
        loss = functional.mse_loss(model.decode(noisy).sample, pictures)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            _log.info("lapped transform, step %d: %.2f dB", step, -10 * torch.log10(loss / 4).item())


@torch.no_grad()
def scale_channels(model: PatchAutoencoder, pictures: Tensor, whitening: float) -> None:
    """Turn the latent space onto its principal axes, centre it, and scale the channels; the round trip stays."""
    flat = model.encode(pictures).latent_dist.mode().permute(0, 2, 3, 1).flatten(0, 2)
    mean = flat.mean(0)
    variances, axes = torch.linalg.eigh((flat - mean).T @ (flat - mean) / len(flat))
    variances, axes = variances.flip(0), axes.flip(1)
    scale = variances.sqrt() ** -whitening
    scale = scale / (variances * scale**2).mean().sqrt()
    change = (axes * scale).T  # new = change @ (old - mean)
    back = axes / scale  # old = back @ new + mean
    offset = bias(model.synthesis) + _constant(model, mean)
    model.analysis.weight.copy_(torch.einsum("ij,jchw->ichw", change, model.analysis.weight))
    bias(model.analysis).copy_(change @ (bias(model.analysis) - mean))
    model.synthesis.weight.copy_(torch.einsum("ij,ichw->jchw", back, model.synthesis.weight))
    bias(model.synthesis).copy_(offset)


def bias(layer: nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    """Its bias, which both layers of the autoencoder have."""
    assert layer.bias is not None
    return layer.bias


def _constant(model: PatchAutoencoder, latent: Tensor) -> Tensor:
    """(3,) mean colour that a constant latent adds; its pattern inside a cell is left to the residual."""
    plane = latent.reshape(1, -1, 1, 1).expand(1, -1, 5, 5)
    drawn: Tensor = model.decode(plane).sample - bias(model.synthesis).reshape(1, 3, 1, 1)
    return drawn[..., 16:24, 16:24].mean((0, 2, 3))
