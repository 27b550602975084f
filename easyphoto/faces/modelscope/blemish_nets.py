"""ABPN's local networks: one finds blemishes, one paints skin where they were (Lei et al., CVPR 2022)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_WIDTHS = (64, 128, 256, 512, 512, 512)  # on the way down


class PlainConv(nn.Module):
    """3 x 3 convolution, perhaps a norm, ReLU or leaky ReLU."""

    def __init__(self, inside: int, outside: int, stride: int, slope: float, norm: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn = nn.BatchNorm2d(outside) if norm else None
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        """(n, outside, h / stride, w / stride)."""
        x = self.conv(x)
        return functional.leaky_relu(x if self.bn is None else self.bn(x), self.slope)


class GatedConv(nn.Module):
    """The same times a gate of 0..1 (Yu et al., arXiv 1806.03589); `slope` 1 is no activation."""

    def __init__(self, inside: int, outside: int, stride: int, slope: float, norm: bool = True) -> None:
        super().__init__()
        last = slope == 1
        self.conv = nn.Conv2d(inside, outside, 3, stride, 1, bias=last)
        self.gate = nn.Conv2d(inside, outside, 3, stride, 1, bias=last)
        self.bn = nn.BatchNorm2d(outside) if norm else None
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        """(n, outside, h / stride, w / stride)."""
        value = self.conv(x)
        value = functional.leaky_relu(value if self.bn is None else self.bn(value), self.slope)
        return value * torch.sigmoid(self.gate(x))


class _UShape(nn.Module):
    """Six halvings, five doublings with skips, and the picture itself beside the last."""

    def __init__(self, kind: type[PlainConv] | type[GatedConv], inside: int) -> None:
        super().__init__()
        widths = (inside, *_WIDTHS)
        for step in range(1, 7):
            self.add_module(f"ec_images_{step}", kind(widths[step - 1], widths[step], 2, 0.0, step > 1))
        for step in range(6, 1, -1):
            below, beside = widths[min(step, 6)], widths[step - 1]
            self.add_module(f"dc_images_{step}", kind(below + beside, beside, 1, 0.2))

    def features(self, x: Tensor) -> Tensor:
        """(n, 64 + inside, h, w); height and width must be multiples of 64."""
        down = [x]
        for step in range(1, 7):
            down.append(self.get_submodule(f"ec_images_{step}")(down[-1]))
        up = down[6]
        for step in range(6, 1, -1):
            up = self.get_submodule(f"dc_images_{step}")(_beside(up, down[step - 1]))
        return _beside(up, x)


def _beside(small: Tensor, large: Tensor) -> Tensor:
    return torch.cat([functional.interpolate(small, scale_factor=2, mode="nearest"), large], dim=1)


class BlemishDetector(_UShape):
    """RGB (n, 3, h, w) of -1..1 to the probability (n, 1, h, w) of a blemish."""

    def __init__(self) -> None:
        super().__init__(PlainConv, 3)
        self.dc_images_1 = nn.Conv2d(64 + 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """0..1."""
        return torch.sigmoid(self.dc_images_1(self.features(x)))


class BlemishPainter(_UShape):
    """RGB of -1..1 with blemishes blacked out, and a mask that is 0 there, to RGB (n, 3, h, w) of -1..1."""

    def __init__(self) -> None:
        super().__init__(GatedConv, 4)
        self.dc_images_1 = GatedConv(64 + 4, 3, 1, 1.0, norm=False)

    def forward(self, picture: Tensor, mask: Tensor) -> Tensor:
        """Right where the mask is 0."""
        return torch.tanh(self.dc_images_1(self.features(torch.cat([picture, mask], dim=1))))
