"""GPEN (Yang et al., CVPR 2021, arXiv 2105.06070): an encoder before the generator of StyleGAN2."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from easyphoto.faces.modelscope.style_layers import (
    Bias,
    EqualConv,
    EqualLinear,
    Kernel,
    ModulatedConv,
    PixelNorm,
    Upsample,
)

STYLE = 512
_DEPTH, _RATE = 8, 0.01  # of the network that makes styles


def widths_of(tensors: Mapping[str, Tensor]) -> tuple[int, ...]:
    """Channels at 4, 8, 16 ... pixels, read from the weights: 512 pixels have eight. Raises KeyError for others."""
    count = sum(name.endswith("conv.blur.kernel") for name in tensors)
    larger = (tensors[f"generator.convs.{2 * n}.conv.weight"].shape[1] for n in range(count))
    return (tensors["generator.input.input"].shape[1], *larger)


class StyledConv(nn.Module):
    """A modulated convolution with the encoder's map laid beside its result."""

    def __init__(self, inside: int, outside: int, *, larger: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv(inside, outside, 3, STYLE, larger=larger)
        self.noise = NoiseWeight()
        self.activate = Bias(2 * outside)

    def forward(self, x: Tensor, style: Tensor, beside: Tensor) -> Tensor:
        """(1, 2 * outside, h, w)."""
        return self.activate(torch.cat([self.conv(x, style), self.noise.weight * beside], dim=1))  # type: ignore[no-any-return]


class NoiseWeight(nn.Module):
    """One number: where StyleGAN2 adds noise, GPEN lays its encoder's maps."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


class FirstMap(nn.Module):
    """The constant that every picture begins with."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.zeros(1, width, 4, 4))


class ToRgb(nn.Module):
    """A picture of this size, added to the smaller one."""

    def __init__(self, inside: int, *, first: bool = False) -> None:
        super().__init__()
        if not first:
            self.upsample = Upsample()
        self.conv = ModulatedConv(inside, 3, 1, STYLE)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, x: Tensor, style: Tensor, smaller: Tensor | None) -> Tensor:
        """(1, 3, h, w)."""
        picture = self.conv(x, style) + self.bias
        return picture if smaller is None else picture + self.upsample(smaller)  # type: ignore[no-any-return]


class Generator(nn.Module):
    """StyleGAN2 with an encoder's maps."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        styles = (EqualLinear(STYLE, STYLE, _RATE, active=True) for _ in range(_DEPTH))
        self.style = nn.Sequential(PixelNorm(), *styles)
        self.input = FirstMap(widths[0])
        self.conv1, self.to_rgb1 = StyledConv(widths[0], widths[0]), ToRgb(2 * widths[0], first=True)
        self.convs, self.to_rgbs = nn.ModuleList(), nn.ModuleList()
        for below, width in pairwise(widths):
            self.convs.append(StyledConv(2 * below, width, larger=True))
            self.convs.append(StyledConv(2 * width, width))
            self.to_rgbs.append(ToRgb(2 * width))

    def forward(self, code: Tensor, maps: list[Tensor]) -> Tensor:
        """`maps` of the encoder, the smallest first."""
        style = self.style(code)
        x = self.conv1(self.input.input, style, maps[0])
        picture = self.to_rgb1(x, style, None)
        for number, (beside, to_rgb) in enumerate(zip(maps[1:], self.to_rgbs, strict=True)):
            x = self.convs[2 * number](x, style, beside)
            x = self.convs[2 * number + 1](x, style, beside)
            picture = to_rgb(x, style, picture)
        return picture  # type: ignore[no-any-return]


class Gpen(nn.Module):
    """An RGB face (1, 3, s, s) of -1..1 to one of the same size; s is 2 ** (1 + number of widths)."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.side = 2 ** (1 + len(widths))
        self.generator = Generator(widths)
        self.ecd0 = nn.Sequential(nn.Sequential(EqualConv(3, widths[-1], 1), Bias(widths[-1])))
        for number, (inside, outside) in enumerate(zip(widths[:0:-1], widths[-2::-1], strict=True), start=1):
            layers = (Kernel((2, 2)), EqualConv(inside, outside, 3, stride=2), Bias(outside))
            self.add_module(f"ecd{number}", nn.Sequential(nn.Sequential(*layers)))
        self.final_linear = nn.Sequential(EqualLinear(16 * widths[0], STYLE, active=True))

    def forward(self, face: Tensor) -> Tensor:
        """About -1..1."""
        maps = [self.ecd0(face)]
        for number in range(1, len(self.generator.to_rgbs) + 1):
            maps.append(self.get_submodule(f"ecd{number}")(maps[-1]))
        return self.generator(self.final_linear(maps[-1].flatten(1)), maps[::-1])  # type: ignore[no-any-return]
