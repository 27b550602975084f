"""RRDBNet (Wang et al., ESRGAN, arXiv 1809.00219) as Real-ESRGAN uses it (arXiv 2107.10833)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

_GAIN = 0.2  # of what a block adds


@dataclass(frozen=True)
class RrdbShape:
    """What differs between published networks of the kind."""

    width: int
    growth: int
    blocks: int
    zoom: int  # 2 or 4

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> RrdbShape:
        """Read from the weights. Raises KeyError where they are no such network's."""
        first = tensors["conv_first.weight"]
        blocks = {name.split(".")[1] for name in tensors if name.startswith("body.")}
        return cls(
            first.shape[0], tensors["body.0.rdb1.conv1.weight"].shape[0], len(blocks), {12: 2}.get(first.shape[1], 4)
        )


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees all before it."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for number in range(1, 6):
            outside = width if number == 5 else growth
            self.add_module(f"conv{number}", nn.Conv2d(width + (number - 1) * growth, outside, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        seen = x
        for number in range(1, 5):
            seen = torch.cat([seen, _leaky(self.get_submodule(f"conv{number}")(seen))], dim=1)
        return x + _GAIN * self.get_submodule("conv5")(seen)  # type: ignore[no-any-return]


class ResidualDenseBlocks(nn.Module):
    """Three of them beside a shortcut."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (DenseBlock(width, growth) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return x + _GAIN * self.rdb3(self.rdb2(self.rdb1(x)))  # type: ignore[no-any-return]


class RrdbNet(nn.Module):
    """RGB (n, 3, h, w) of 0..1, sides even for a zoom of 2, to RGB `zoom` times as large."""

    def __init__(self, shape: RrdbShape) -> None:
        super().__init__()
        width = shape.width
        self.zoom = shape.zoom
        self.conv_first = nn.Conv2d(12 if shape.zoom == 2 else 3, width, 3, padding=1)
        self.body = nn.Sequential(*(ResidualDenseBlocks(width, shape.growth) for _ in range(shape.blocks)))
        self.conv_body, self.conv_up1, self.conv_up2, self.conv_hr = (
            nn.Conv2d(width, width, 3, padding=1) for _ in range(4)
        )
        self.conv_last = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """About 0..1."""
        x = self.conv_first(functional.pixel_unshuffle(x, 2) if self.zoom == 2 else x)
        x = x + self.conv_body(self.body(x))
        for layer in (self.conv_up1, self.conv_up2):
            x = _leaky(layer(functional.interpolate(x, scale_factor=2, mode="nearest")))
        return self.conv_last(_leaky(self.conv_hr(x)))  # type: ignore[no-any-return]


def _leaky(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, 0.2)
