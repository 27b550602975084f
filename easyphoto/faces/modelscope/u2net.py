"""U2-Net (Qin et al., Pattern Recognition 2020, arXiv 2005.09007): how much each pixel belongs to what stands out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_FLAT = (1, 2, 4, 8)  # dilations of a block that keeps its size


class ConvNormRelu(nn.Module):
    """3 x 3 convolution, norm, ReLU."""

    def __init__(self, inside: int, outside: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv_s1 = nn.Conv2d(inside, outside, 3, padding=dilation, dilation=dilation)
        self.bn_s1 = nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:
        """Same height and width."""
        return functional.relu(self.bn_s1(self.conv_s1(x)))


class ResidualUBlock(nn.Module):
    """A small U-Net of `depth` steps beside a shortcut (RSU-7 to RSU-4)."""

    def __init__(self, depth: int, inside: int, middle: int, outside: int) -> None:
        super().__init__()
        self.depth = depth
        self.rebnconvin = ConvNormRelu(inside, outside)
        for step in range(1, depth + 1):
            last = 2 if step == depth else 1
            self.add_module(f"rebnconv{step}", ConvNormRelu(outside if step == 1 else middle, middle, last))
        for step in range(depth - 1, 0, -1):
            self.add_module(f"rebnconv{step}d", ConvNormRelu(2 * middle, outside if step == 1 else middle))

    def forward(self, x: Tensor) -> Tensor:
        """(n, inside, h, w) -> (n, outside, h, w)."""
        x = self.rebnconvin(x)
        down = [self.get_submodule("rebnconv1")(x)]
        for step in range(2, self.depth):
            down.append(self.get_submodule(f"rebnconv{step}")(halved(down[-1])))
        up = self.get_submodule(f"rebnconv{self.depth}")(down[-1])
        for step in range(self.depth - 1, 0, -1):
            beside = down[step - 1]
            up = self.get_submodule(f"rebnconv{step}d")(torch.cat([resized(up, beside), beside], dim=1))
        return x + up  # type: ignore[no-any-return]


class FlatUBlock(nn.Module):
    """The same without pooling, by dilation (RSU-4F)."""

    def __init__(self, inside: int, middle: int, outside: int) -> None:
        super().__init__()
        self.rebnconvin = ConvNormRelu(inside, outside)
        for step, dilation in enumerate(_FLAT, start=1):
            self.add_module(f"rebnconv{step}", ConvNormRelu(outside if step == 1 else middle, middle, dilation))
        for step in (3, 2, 1):
            self.add_module(
                f"rebnconv{step}d", ConvNormRelu(2 * middle, outside if step == 1 else middle, _FLAT[step - 1])
            )

    def forward(self, x: Tensor) -> Tensor:
        """(n, inside, h, w) -> (n, outside, h, w)."""
        x = self.rebnconvin(x)
        down = [x]
        for step in (1, 2, 3, 4):
            down.append(self.get_submodule(f"rebnconv{step}")(down[-1]))
        up = down[4]
        for step in (3, 2, 1):
            up = self.get_submodule(f"rebnconv{step}d")(torch.cat([up, down[step]], dim=1))
        return x + up  # type: ignore[no-any-return]


def halved(x: Tensor) -> Tensor:
    """Half the size, rounded up."""
    return functional.max_pool2d(x, 2, 2, ceil_mode=True)


def resized(x: Tensor, like: Tensor) -> Tensor:
    """Of the other's height and width."""
    return functional.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


class U2Net(nn.Module):
    """RGB (n, 3, h, w) with ImageNet's mean and spread taken off to 0..1 (n, 1, h, w)."""

    def __init__(self) -> None:
        super().__init__()
        self.stage1, self.stage2 = ResidualUBlock(7, 3, 32, 64), ResidualUBlock(6, 64, 32, 128)
        self.stage3, self.stage4 = ResidualUBlock(5, 128, 64, 256), ResidualUBlock(4, 256, 128, 512)
        self.stage5, self.stage6 = FlatUBlock(512, 256, 512), FlatUBlock(512, 256, 512)
        self.stage5d, self.stage4d = FlatUBlock(1024, 256, 512), ResidualUBlock(4, 1024, 128, 256)
        self.stage3d, self.stage2d = ResidualUBlock(5, 512, 64, 128), ResidualUBlock(6, 256, 32, 64)
        self.stage1d = ResidualUBlock(7, 128, 16, 64)
        for number, width in enumerate((64, 64, 128, 256, 512, 512), start=1):
            self.add_module(f"side{number}", nn.Conv2d(width, 1, 3, padding=1))
        self.outconv = nn.Conv2d(6, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """The fused map; the six maps of single depths served the training."""
        down = [self.stage1(x)]
        for stage in (self.stage2, self.stage3, self.stage4, self.stage5, self.stage6):
            down.append(stage(halved(down[-1])))
        maps = [down[5]]
        ups = (self.stage5d, self.stage4d, self.stage3d, self.stage2d, self.stage1d)
        for up, beside in zip(ups, down[4::-1], strict=True):
            maps.insert(0, up(torch.cat([resized(maps[0], beside), beside], dim=1)))
        sides = [self.get_submodule(f"side{number}")(one) for number, one in enumerate(maps, start=1)]
        return torch.sigmoid(self.outconv(torch.cat([resized(side, sides[0]) for side in sides], dim=1)))
