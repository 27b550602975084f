"""Weights for tests of the ModelScope toolbox: random ones of the true shapes, without large files."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import torch
from torch import nn

from easyphoto.faces.modelscope.files import NetworkFile
from easyphoto.paths import Paths


def names_and_shapes(make: Callable[[], nn.Module]) -> tuple[int, str]:
    """How many tensors the network has, and a digest of their sorted names and shapes."""
    with torch.device("meta"):
        state = make().state_dict()
    rows = sorted(f"{name} {list(value.shape)}".replace(", ", ",") for name, value in state.items())
    return len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


def random_tensors(make: Callable[[], nn.Module], seed: int = 0) -> dict[str, torch.Tensor]:
    """A state that lets signals pass: convolutions of He's spread, norms that do nothing."""
    with torch.device("meta"):
        state = make().state_dict()
    draw = torch.Generator().manual_seed(seed)
    return {name: _drawn(name, value, draw) for name, value in state.items()}


def _drawn(name: str, like: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    if not like.is_floating_point():
        return torch.zeros(like.shape, dtype=like.dtype)
    if like.dim() > 1:
        spread = math.sqrt(2 / max(1, math.prod(like.shape[1:])))
        return torch.empty(like.shape).normal_(0, spread, generator=draw)
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
