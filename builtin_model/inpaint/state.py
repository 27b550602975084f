"""The state of a training run: written whole or not at all, read back without running anything from the file."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

STATE = "state.pt"


@dataclass
class Run:
    """The networks, their average, the optimizer, and how far they are."""

    unet: Any
    average: Any  # exponential moving average of the weights
    optimizer: torch.optim.Optimizer
    history: list[dict[str, Any]] = field(default_factory=list)  # of the weights, one entry a recipe
    step: int = 0
    pictures: int = 0
    seconds: float = 0.0

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        """Move the average towards the weights; quickly at first."""
        share = 1 - min(decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.unet.parameters()), share)


def begin(unet: nn.Module, learning_rate: float, history: list[dict[str, Any]]) -> Run:
    """A run from given weights; its average starts as they are."""
    unet.train()
    average = copy.deepcopy(unet).eval().requires_grad_(False)
    options: dict[str, Any] = {"betas": (0.9, 0.99), "weight_decay": 1e-3, "fused": True}
    return Run(unet, average, torch.optim.AdamW(unet.parameters(), lr=learning_rate, **options), list(history))


def save(run: Run, folder: Path) -> None:
    """Write it aside, then move it into place; the one before stays beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {
        "unet": run.unet.state_dict(),
        "average": run.average.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "history": run.history,
        "step": run.step,
        "pictures": run.pictures,
        "seconds": run.seconds,
    }
    aside, file = folder / (STATE + ".part"), folder / STATE
    torch.save(whole, aside)
    if file.exists():
        file.replace(folder / (STATE + ".before"))
    aside.replace(file)


def resume(run: Run, folder: Path) -> bool:
    """Take up the state of a folder; False where there is none. Raises RuntimeError where it is of other networks."""
    files = [file for file in (folder / STATE, folder / (STATE + ".before")) if file.is_file()]
    if not files:
        return False
    whole = torch.load(files[0], weights_only=True)
    run.unet.load_state_dict(whole["unet"])
    run.average.load_state_dict(whole["average"])
    run.optimizer.load_state_dict(whole["optimizer"])
    run.history = whole["history"]
    run.step, run.pictures, run.seconds = whole["step"], whole["pictures"], whole["seconds"]
    return True
