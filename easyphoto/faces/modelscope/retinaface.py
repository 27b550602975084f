"""RetinaFace on ResNet-50 (Deng et al., CVPR 2020, arXiv 1905.00641): the network, without boxes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from easyphoto.faces.modelscope.resnet50 import ResNet50

_WIDTH = 256
_ANCHORS = 2  # of every cell


def _plain(inside: int, outside: int, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inside, outside, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(outside))


def _active(inside: int, outside: int, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(*_plain(inside, outside, kernel), nn.ReLU(inplace=True))


class FeaturePyramid(nn.Module):
    """Coarse features added to finer ones (Lin et al., arXiv 1612.03144)."""

    def __init__(self) -> None:
        super().__init__()
        self.output1, self.output2, self.output3 = (_active(n, _WIDTH, 1) for n in (512, 1024, 2048))
        self.merge1, self.merge2 = _active(_WIDTH, _WIDTH), _active(_WIDTH, _WIDTH)

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Three maps of 256 channels, the finest first."""
        coarse = self.output3(coarse)
        middle = self.merge2(_added(self.output2(middle), coarse))
        return self.merge1(_added(self.output1(fine), middle)), middle, coarse


def _added(fine: Tensor, coarse: Tensor) -> Tensor:
    return fine + functional.interpolate(coarse, size=fine.shape[2:], mode="nearest")


class ContextModule(nn.Module):
    """Wider surroundings by chains of 3 x 3 (SSH, Najibi et al., arXiv 1708.03979)."""

    def __init__(self) -> None:
        super().__init__()
        half, quarter = _WIDTH // 2, _WIDTH // 4
        self.conv3X3 = _plain(_WIDTH, half)
        self.conv5X5_1, self.conv5X5_2 = _active(_WIDTH, quarter), _plain(quarter, quarter)
        self.conv7X7_2, self.conv7x7_3 = _active(quarter, quarter), _plain(quarter, quarter)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 256, h, w) both."""
        once = self.conv5X5_1(x)
        wide = self.conv7x7_3(self.conv7X7_2(once))
        return functional.relu(torch.cat([self.conv3X3(x), self.conv5X5_2(once), wide], dim=1))


class Head(nn.Module):
    """`values` numbers for each of a cell's anchors."""

    def __init__(self, values: int) -> None:
        super().__init__()
        self.values = values
        self.conv1x1 = nn.Conv2d(_WIDTH, _ANCHORS * values, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, cells * anchors, values), row by row of cells."""
        rows: Tensor = self.conv1x1(x).permute(0, 2, 3, 1)
        return rows.reshape(len(x), -1, self.values)


class RetinaFace(nn.Module):
    """Pictures (n, 3, h, w), mean color taken off, to scores (n, a), boxes (n, a, 4), points (n, a, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.fpn = ResNet50(), FeaturePyramid()
        self.ssh1, self.ssh2, self.ssh3 = ContextModule(), ContextModule(), ContextModule()
        self.ClassHead, self.BboxHead, self.LandmarkHead = (
            nn.ModuleList(Head(values) for _ in range(3)) for values in (2, 4, 10)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scores are probabilities of a face; boxes and points are still relative to their anchors."""
        levels = self.fpn(*self.body(x))
        maps = [module(level) for module, level in zip((self.ssh1, self.ssh2, self.ssh3), levels, strict=True)]
        logits, boxes, points = (
            torch.cat([head(one) for head, one in zip(heads, maps, strict=True)], dim=1)
            for heads in (self.ClassHead, self.BboxHead, self.LandmarkHead)
        )
        return logits.softmax(-1)[..., 1], boxes, points
