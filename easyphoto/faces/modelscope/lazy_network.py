"""Networks that are read at first use, work on the device, and lie in the CPU's memory in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from easyphoto.domain import Floats

Net = TypeVar("Net", bound=nn.Module)


def best_device() -> torch.device:
    """CUDA, else Apple's GPU, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


class LazyNetwork(Generic[Net]):
    """One network; not for several threads at once."""

    def __init__(self, load: Callable[[], Net], device: torch.device) -> None:
        """`load` reads it to the CPU."""
        self._load = load
        self.device = device
        self._network: Net | None = None

    @property
    def loaded(self) -> bool:
        """Whether it lies in memory."""
        return self._network is not None

    @contextmanager
    def working(self) -> Iterator[Net]:
        """Inside, the network is on the device and nothing is recorded for training.

        Afterwards the device's memory is free again: engines need it.
        """
        if self._network is None:
            self._network = self._load()
        try:
            with torch.inference_mode():
                yield self._network.to(self.device)
        finally:
            if self.device.type != "cpu":
                self._network.to("cpu")
                _empty_cache(self.device)

    def on_device(self, values: Floats) -> Tensor:
        """An array as the network takes it."""
        return torch.from_numpy(values).to(self.device)

    def release(self) -> None:
        """Forget it; the next use reads it anew."""
        self._network = None


def _empty_cache(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
