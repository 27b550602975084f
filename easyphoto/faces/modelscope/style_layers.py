"""Layers of StyleGAN2 (Karras et al., arXiv 1912.04958) in plain torch: no compiled operations."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_GAIN, _SLOPE = math.sqrt(2), 0.2


def leaky(x: Tensor, bias: Tensor) -> Tensor:
    """Leaky ReLU of x + bias, made as strong as x was."""
    return functional.leaky_relu(x + bias.view(1, -1, *(1,) * (x.dim() - 2)), _SLOPE) * _GAIN


def filtered(x: Tensor, kernel: Tensor, pad: tuple[int, int]) -> Tensor:
    """Every channel convolved with the (4, 4) kernel; `pad` zeros before and after each row and column."""
    x = functional.pad(x, (*pad, *pad))
    weight = kernel.flip(0, 1)[None, None].repeat(x.shape[1], 1, 1, 1)
    return functional.conv2d(x, weight, groups=x.shape[1])


class Bias(nn.Module):
    """A bias and the leaky ReLU after it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return leaky(x, self.bias)


class Kernel(nn.Module):
    """A stored filter with its zeros around."""

    def __init__(self, pad: tuple[int, int]) -> None:
        super().__init__()
        self.pad = pad
        self.register_buffer("kernel", torch.zeros(4, 4))

    def forward(self, x: Tensor) -> Tensor:
        """See `filtered`."""
        return filtered(x, self.get_buffer("kernel"), self.pad)


class Upsample(Kernel):
    """Twice as large: zeros between the pixels, then the filter."""

    def __init__(self) -> None:
        super().__init__((2, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, 2 h, 2 w)."""
        count, width, high, wide = x.shape
        spread = x.new_zeros(count, width, high, 2, wide, 2)
        spread[:, :, :, 0, :, 0] = x
        return super().forward(spread.view(count, width, 2 * high, 2 * wide))


class EqualConv(nn.Module):
    """A convolution whose weights are scaled by their number when it runs."""

    def __init__(self, inside: int, outside: int, size: int, stride: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outside, inside, size, size))
        self.scale, self.stride = 1 / math.sqrt(inside * size**2), stride

    def forward(self, x: Tensor) -> Tensor:
        """No zeros around."""
        return functional.conv2d(x, self.weight * self.scale, stride=self.stride)


class EqualLinear(nn.Module):
    """The same without places; `rate` is the training's learning rate of it."""

    def __init__(self, inside: int, outside: int, rate: float = 1.0, active: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outside, inside))
        self.bias = nn.Parameter(torch.zeros(outside))
        self.rate, self.active, self.scale = rate, active, rate / math.sqrt(inside)

    def forward(self, x: Tensor) -> Tensor:
        """(n, outside)."""
        weight, bias = self.weight * self.scale, self.bias * self.rate
        return leaky(functional.linear(x, weight), bias) if self.active else functional.linear(x, weight, bias)


class PixelNorm(nn.Module):
    """Vectors of the length that their number of entries has."""

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-8)


class ModulatedConv(nn.Module):
    """A convolution whose input channels are scaled by the style (section 2.2 of the paper); one picture at a time."""

    def __init__(self, inside: int, outside: int, size: int, style: int, *, larger: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, outside, inside, size, size))
        self.modulation = EqualLinear(style, inside)
        self.scale, self.even = 1 / math.sqrt(inside * size**2), size > 1
        self.blur = Kernel((1, 1)) if larger else None

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(1, outside, h, w), or twice that size."""
        weight = self.scale * self.weight[0] * self.modulation(style).view(1, -1, 1, 1)
        if self.even:
            weight = weight * torch.rsqrt(weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8)
        if self.blur is None:
            return functional.conv2d(x, weight, padding=weight.shape[-1] // 2)
        return self.blur(functional.conv_transpose2d(x, weight.transpose(0, 1), stride=2))  # type: ignore[no-any-return]
