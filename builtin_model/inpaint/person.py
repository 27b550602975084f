"""Teaches the model a person: a LoRA from aligned cuts of their photos, with references degraded as fusion does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from builtin_model.inpaint.cache import FaceCache
from builtin_model.inpaint.captions import CAPTIONS
from builtin_model.inpaint.degradation import TRAINED, Degradation
from builtin_model.inpaint.lora import add_lora, lora_tensors, remove_lora
from builtin_model.inpaint.objective import loss, noised
from builtin_model.inpaint.parts import FaceInpaintModel
from builtin_model.inpaint.pool import Dropout, ViewPool
from builtin_model.inpaint.sampling import signals_of
from builtin_model.inpaint.views import Variation

OnLoss = Callable[[int, int, float], None]
"""Called with steps done, all steps and the loss; what it raises ends the training."""


@dataclass(frozen=True)
class PersonRecipe:
    """What decides a person's LoRA."""

    rank: int = 32
    alpha: float = 32.0
    learning_rate: float = 1e-3  # falls to zero by a cosine
    steps: int = 150
    batch: int = 8
    views: int = 96  # that are drawn once and used over and over
    seed: int = 0
    autocast: bool = True  # to bf16
    faults: Degradation = TRAINED  # of the references; severe ones made portraits less like the person
    dropout: Dropout = field(default_factory=lambda: Dropout(color=0.4, reference=0.3))


def train_person(
    model: FaceInpaintModel, photos: FaceCache, recipe: PersonRecipe, on_loss: OnLoss
) -> dict[str, Tensor]:
    """The LoRA's tensors in kohya's layout; the model is as before when it ends, however it ends."""
    parameters = add_lora(model.unet, recipe.rank, recipe.alpha, recipe.seed)
    try:
        model.unet.train()
        _steps(model, parameters, photos, recipe, on_loss)
        return lora_tensors(model.unet)
    finally:
        model.unet.eval()
        remove_lora(model.unet)


def _steps(
    model: FaceInpaintModel, parameters: list[nn.Parameter], photos: FaceCache, recipe: PersonRecipe, on_loss: OnLoss
) -> None:
    device = parameters[0].device
    optimizer = torch.optim.AdamW(parameters, lr=recipe.learning_rate, betas=(0.9, 0.99), weight_decay=1e-3)
    rng, generator = np.random.default_rng(recipe.seed), torch.Generator().manual_seed(recipe.seed)
    pool = ViewPool(photos, model.frozen.encode, rng, size=recipe.views, reuse=10**6)
    pool.how = Variation(faults=recipe.faults)
    states, signals = model.frozen.states(CAPTIONS), signals_of()
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * step / recipe.steps))
        batch = pool.draw(recipe.batch, recipe.dropout)
        times = torch.randint(0, len(signals), (recipe.batch,), generator=generator)
        noise = torch.randn(batch.latents.shape, generator=generator).to(device)
        text, batch, level = states[batch.captions].to(device), batch.to(device), signals[times].to(device)
        given: Any = torch.cat([noised(batch.latents, noise, level), batch.conditions()], 1)
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.autocast):
            v = model.unet(given.to(memory_format=torch.channels_last), times.to(device), text).sample
        value = loss(v, batch, noise, level)
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        on_loss(step + 1, recipe.steps, value.item())
