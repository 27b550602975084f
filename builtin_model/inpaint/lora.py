"""LoRAs on every convolution and linear layer (kohya's `conv_dim` layout), their product folded into the weight.

Hu et al., "LoRA", 2021. One convolution with W + BA costs a CPU less than three: on the U-Net of this model a
training step takes about as long as without a LoRA.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

PREFIX = "lora_unet_"


class LowRank(nn.Module):
    """A parametrization: the weight plus up @ down times alpha / rank."""

    def __init__(self, weight: Tensor, rank: int, alpha: float) -> None:
        super().__init__()
        rank = min(rank, weight.shape[0], weight[0].numel())
        self.alpha, self.scale = alpha, alpha / rank
        self.down = nn.Parameter(weight.new_zeros((rank, *weight.shape[1:])))
        self.up = nn.Parameter(weight.new_zeros((weight.shape[0], rank, *([1] * (weight.ndim - 2)))))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, weight: Tensor) -> Tensor:
        """The weight to compute with."""
        return weight + self.scale * product(self.up, self.down)


def product(up: Tensor, down: Tensor) -> Tensor:
    """up (out, rank[, 1, 1]) times down (rank, in[, h, w]): (out, in[, h, w])."""
    return (up.flatten(1) @ down.flatten(1)).reshape(up.shape[0], *down.shape[1:])


def layers(unet: nn.Module) -> Iterator[tuple[str, nn.Conv2d | nn.Linear]]:
    """(kohya's name, layer) of everything a LoRA goes on."""
    for name, layer in unet.named_modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            yield PREFIX + name.replace(".", "_"), layer


def add_lora(unet: nn.Module, rank: int, alpha: float, seed: int = 0) -> list[nn.Parameter]:
    """Put a LoRA that does nothing yet on every layer and freeze the rest; the parameters to train."""
    unet.requires_grad_(False)
    added: list[nn.Parameter] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _, layer in list(layers(unet)):
            low = LowRank(layer.weight, rank, alpha)
            parametrize.register_parametrization(layer, "weight", low)
            added += [low.down, low.up]
    return added


def lora_tensors(unet: nn.Module) -> dict[str, Tensor]:
    """The LoRA on a U-Net as the tensors of a kohya file, float32."""
    tensors: dict[str, Tensor] = {}
    for name, layer in layers(unet):
        low: Any = layer.parametrizations.weight[0]  # type: ignore[union-attr,index]
        tensors[f"{name}.lora_down.weight"] = low.down.detach().float().cpu().contiguous().clone()
        tensors[f"{name}.lora_up.weight"] = low.up.detach().float().cpu().contiguous().clone()
        tensors[f"{name}.alpha"] = torch.tensor(float(low.alpha))
    return tensors


def remove_lora(unet: nn.Module) -> None:
    """Take the LoRA off; the weights are as they were before it was added."""
    for _, layer in list(layers(unet)):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)


@contextmanager
def folded(unet: nn.Module, loras: Sequence[tuple[Mapping[str, Tensor], float]]) -> Iterator[None]:
    """Inside it the U-Net computes with LoRAs folded into its weights; afterwards they are exactly as before.

    `loras` are the tensors of kohya files and the weights they are used with. Raises KeyError where a LoRA has a
    layer that the U-Net has not.
    """
    known = dict(layers(unet))
    kept: dict[str, Tensor] = {}
    try:
        for tensors, share in loras:
            for layer, change in changes(tensors).items():
                weight = known[layer].weight
                kept.setdefault(layer, weight.detach().clone())
                weight.data += (share * change).to(weight)
        yield
    finally:
        for layer, weight in kept.items():
            known[layer].weight.data.copy_(weight)


def changes(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Layer -> what a LoRA adds to its weight at weight 1. Raises KeyError where a factor is missing."""
    found: dict[str, Tensor] = {}
    for name in tensors:
        if name.endswith(".lora_down.weight"):
            layer = name.removesuffix(".lora_down.weight")
            down, up = tensors[name].float(), tensors[f"{layer}.lora_up.weight"].float()
            alpha = tensors.get(f"{layer}.alpha", torch.tensor(float(len(down))))
            found[layer] = product(up, down) * (alpha.float() / len(down))
    return found
