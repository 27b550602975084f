"""An exponential moving average of the LoRA's weights: what a short training ends with, less its last steps' noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

EARLY = 10
"""While few steps are done the decay is (1 + step) / (EARLY + step), so that the start is soon forgotten."""


class WeightAverage:
    """Averages of named weights, fp32, on the weights' device."""

    def __init__(self, weights: Mapping[str, nn.Parameter], decay: float) -> None:
        self.decay = decay
        self._weights = weights
        self.averages: dict[str, Tensor] = {name: weight.detach().clone() for name, weight in weights.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after `step`, counted from 1."""
        decay = min(self.decay, (1 + step) / (EARLY + step))
        torch._foreach_lerp_(list(self.averages.values()), [w.detach() for w in self._weights.values()], 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside it the weights are their averages."""
        own = {name: weight.data for name, weight in self._weights.items()}
        try:
            for name, weight in self._weights.items():
                weight.data = self.averages[name]
            yield
        finally:
            for name, weight in self._weights.items():
                weight.data = own[name]
