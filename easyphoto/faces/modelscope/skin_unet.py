"""ABPN's generator (Lei et al., CVPR 2022): a U-Net that paints the layer which smooths skin by soft light."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class DoubleConv(nn.Module):
    """Convolution, norm, ReLU, twice."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            *(nn.Conv2d(inside, outside, 3, padding=1), nn.BatchNorm2d(outside), nn.ReLU(inplace=True)),
            *(nn.Conv2d(outside, outside, 3, padding=1), nn.BatchNorm2d(outside), nn.ReLU(inplace=True)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Same height and width."""
        return self.conv(x)  # type: ignore[no-any-return]


class FirstStep(nn.Module):
    """At the full size."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = DoubleConv(inside, outside)

    def forward(self, x: Tensor) -> Tensor:
        """Same height and width."""
        return self.conv(x)  # type: ignore[no-any-return]


class DownStep(nn.Module):
    """At half the size."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.mpconv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(inside, outside))

    def forward(self, x: Tensor) -> Tensor:
        """Half the height and width, rounded down."""
        return self.mpconv(x)  # type: ignore[no-any-return]


class UpStep(nn.Module):
    """At twice the size, with what was seen on the way down."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = DoubleConv(inside, outside)

    def forward(self, x: Tensor, beside: Tensor) -> Tensor:
        """Of the height and width of `beside`."""
        x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        high, wide = beside.shape[2] - x.shape[2], beside.shape[3] - x.shape[3]
        x = functional.pad(x, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        return self.conv(torch.cat([beside, x], dim=1))  # type: ignore[no-any-return]


class ColorOut(nn.Module):
    """1 x 1 to a color."""

    def __init__(self, inside: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, h, w)."""
        return self.conv(x)  # type: ignore[no-any-return]


class SkinUNet(nn.Module):
    """RGB (n, 3, h, w) of -1..1 to a layer (n, 3, h, w) of 0..1; 0.5 leaves a pixel as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.inc = FirstStep(3, 64)
        self.down1, self.down2 = DownStep(64, 128), DownStep(128, 256)
        self.down3, self.down4 = DownStep(256, 512), DownStep(512, 512)
        self.up1, self.up2, self.up3, self.up4 = UpStep(1024, 256), UpStep(512, 128), UpStep(256, 64), UpStep(128, 64)
        self.outc = ColorOut(64)
        # Heads of the training alone; they are in the file.
        self.dsoutc4, self.dsoutc3, self.dsoutc2, self.dsoutc1 = (
            ColorOut(256),
            ColorOut(128),
            ColorOut(64),
            ColorOut(64),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The sigmoid at the end has no weights, and without it nothing of the layer is right."""
        first = self.inc(x)
        second = self.down1(first)
        third = self.down2(second)
        fourth = self.down3(third)
        up = self.up2(self.up1(self.down4(fourth), fourth), third)
        return torch.sigmoid(self.outc(self.up4(self.up3(up, second), first)))
