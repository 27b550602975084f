"""One LoRA: a low-rank change of a Linear or a Conv2d, attached to the layer itself.

Two ways to compute it, equal within rounding. Separate: the layer's answer plus that of the small matrices. Folded:
one layer whose weight is the sum; cheaper where calls cost more than arithmetic, and for convolutions on small inputs.
In bf16 it is always separate: a weight of 8 bits cannot hold a change of a thousandth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

ATTRIBUTE = "lora"
"""The layer's attribute that holds its adapter."""


@dataclass(frozen=True)
class AdapterSpec:
    """Of one layer's LoRA."""

    rank: int
    scale: float  # of up @ down
    dora: bool = False
    learning_rate_factor: float = 1.0  # of the layer's block


class Adapter(nn.Module):
    """LoRA of Hu et al. 2021; with `dora` the weight-decomposed one of Liu et al. 2024, normed over each output.

    On a convolution: down has its kernel, up is 1x1 (kohya's C3Lier). New ones change nothing: up is zero.
    """

    def __init__(self, layer: nn.Module, spec: AdapterSpec) -> None:
        super().__init__()
        self.spec, self.enabled, self.folded = spec, True, False
        self._layer = (layer,)  # in a tuple, so that the layer is no submodule of its own adapter
        self.plain: Callable[[Tensor], Tensor] = layer.forward
        self.lora_A, self.lora_B = _pair(layer, spec.rank)
        self.dora_scale: nn.Parameter | None = None
        if spec.dora:
            self.dora_scale = nn.Parameter(_norm(_weight(layer).detach().float()))

    @property
    def layer(self) -> Any:
        """The layer it is attached to."""
        return self._layer[0]

    @property
    def alpha(self) -> float:
        """What a file must say for readers that divide it by the rank."""
        return self.spec.scale * self.spec.rank

    def tensors(self) -> Mapping[str, nn.Parameter]:
        """Trainable parameters by the file format's suffix."""
        named = {"lora_down.weight": self.lora_A.weight, "lora_up.weight": self.lora_B.weight}
        return named if self.dora_scale is None else {**named, "dora_scale": self.dora_scale}

    def enable_adapters(self, enabled: bool) -> None:
        """Switch it off and on again, as peft's layers are."""
        self.enabled = enabled

    def initialize(self, generator: torch.Generator) -> None:
        """Down kaiming-uniform (a = sqrt 5), up zero, both fp32 and trainable."""
        bound = 1 / math.sqrt(self.lora_A.weight[0].numel())
        drawn = torch.empty(self.lora_A.weight.shape).uniform_(-bound, bound, generator=generator)
        self.lora_A.weight.data = drawn.to(self.lora_A.weight.device)
        self.lora_B.weight.data = torch.zeros(self.lora_B.weight.shape, device=self.lora_B.weight.device)
        self.requires_grad_(True)

    def delta(self) -> Tensor:
        """The change of the layer's weight, in the weight's shape; fp32."""
        down, up = self.lora_A.weight, self.lora_B.weight
        product = up.flatten(1) @ down.flatten(1)
        change: Tensor = self.spec.scale * product.view(_weight(self.layer).shape)
        return change

    def forward(self, values: Tensor) -> Tensor:
        """What the layer answers with its LoRA."""
        if not self.enabled:
            return self.plain(values)
        if self.dora_scale is not None:
            return self._with_weight(values, self._decomposed())
        if self.folded:
            return self._with_weight(values, _weight(self.layer) + self.delta())
        return self._separate(values)

    def _separate(self, values: Tensor) -> Tensor:
        answer = self.plain(values)
        small = self.lora_A(values)
        if isinstance(self.lora_B, nn.Linear):
            up = self.lora_B.weight.to(answer.dtype).t()
            # One pass over the answer in place of three: multiply, scale and add.
            added = torch.addmm(answer.flatten(0, -2), small.to(answer.dtype).flatten(0, -2), up, alpha=self.spec.scale)
            return added.view(answer.shape)
        convolved: Tensor = answer + self.lora_B(small * self.spec.scale)
        return convolved

    def _decomposed(self) -> Tensor:
        assert self.dora_scale is not None
        changed = _weight(self.layer).float() + self.delta()
        # The norm counts as a constant in the gradient (section 4.3 of the paper): less memory, same result.
        return changed * (self.dora_scale / _norm(changed.detach()))

    def _with_weight(self, values: Tensor, weight: Tensor) -> Tensor:
        layer = self.layer
        weight = weight.to(values.dtype) if values.dtype != weight.dtype else weight
        bias = layer.bias if layer.bias is None else layer.bias.to(weight.dtype)
        if isinstance(layer, nn.Linear):
            return functional.linear(values, weight, bias)
        return functional.conv2d(values, weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups)


def attach(layer: nn.Module, spec: AdapterSpec) -> Adapter:
    """Put an adapter on the layer; from then on the layer answers with it."""
    adapter = Adapter(layer, spec)
    setattr(layer, ATTRIBUTE, adapter)
    layer.forward = adapter.forward  # type: ignore[method-assign]
    return adapter


def _pair(layer: nn.Module, rank: int) -> tuple[Any, Any]:
    if isinstance(layer, nn.Linear):
        return nn.Linear(layer.in_features, rank, bias=False), nn.Linear(rank, layer.out_features, bias=False)
    conv: Any = layer
    shape = {name: getattr(conv, name) for name in ("kernel_size", "stride", "padding", "dilation")}
    down = nn.Conv2d(conv.in_channels, rank, **shape, bias=False)
    return down, nn.Conv2d(rank, conv.out_channels, 1, bias=False)


def _weight(layer: Any) -> Tensor:
    weight: Tensor = layer.weight
    return weight


def _norm(weight: Tensor) -> Tensor:
    """Of each output, (out, 1[, 1, 1])."""
    norm: Tensor = weight.flatten(1).norm(dim=1)
    return norm.view(-1, *(1,) * (weight.dim() - 1))
