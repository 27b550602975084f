"""Weights for tests of the ModelScope toolbox: random ones of the true shapes, without large files."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping

import torch
from torch import nn

from easyphoto.faces.modelscope.files import NetworkFile
from easyphoto.paths import Paths


def names_and_shapes(make: Callable[[], nn.Module]) -> tuple[int, str]:
    """Of the network's tensors; see `digest`."""
    with torch.device("meta"):
        return digest(make().state_dict())


def digest(tensors: Mapping[str, torch.Tensor]) -> tuple[int, str]:
    """How many tensors there are, and a hash of their sorted names and shapes."""
    rows = sorted(f"{name} {list(value.shape)}".replace(", ", ",") for name, value in tensors.items())
    return len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


def random_tensors(make: Callable[[], nn.Module], seed: int = 0) -> dict[str, torch.Tensor]:
    """A state that lets signals pass: convolutions that hardly amplify, norms that do nothing."""
    with torch.device("meta"):
        state = make().state_dict()
    noise = torch.randn(1_000_003, generator=torch.Generator().manual_seed(seed))
    return {name: _drawn(name, value, noise) for name, value in state.items()}


def _drawn(name: str, like: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    if not like.is_floating_point():
        return torch.zeros(like.shape, dtype=like.dtype)
    if like.dim() > 1:
        spread = 0.5 / math.sqrt(max(1, math.prod(like.shape[1:])))
        scaled = noise * spread if like.numel() > len(noise) else noise[: like.numel()] * spread
        repeated = scaled.repeat(-(-like.numel() // len(noise)))  # drawing hundreds of millions would take seconds
        return repeated[: like.numel()].view(like.shape)
    return torch.full(like.shape, 1.0 if name.endswith(("running_var", "weight")) else 0.0)


def random_network(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """Ready for inference."""
    with torch.device("meta"):
        network = make()
    network.load_state_dict(random_tensors(make, seed), assign=True)
    return network.eval().requires_grad_(False)


def placeholder(paths: Paths, *files: NetworkFile) -> None:
    """Empty files where those belong: enough for a role to be there."""
    for file in files:
        place = file.path(paths)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
