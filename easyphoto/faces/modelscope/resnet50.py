"""ResNet-50 (He et al., arXiv 1512.03385) with the stride in the 3 x 3 convolution, without its classifier."""

from __future__ import annotations

from torch import Tensor, nn

_GROWTH = 4


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3, 1 x 1 beside a shortcut."""

    def __init__(self, inside: int, inner: int, stride: int) -> None:
        super().__init__()
        outside = inner * _GROWTH
        self.conv1, self.bn1 = nn.Conv2d(inside, inner, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv2, self.bn2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv3, self.bn3 = nn.Conv2d(inner, outside, 1, bias=False), nn.BatchNorm2d(outside)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride > 1 or inside != outside:
            self.downsample = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x: Tensor) -> Tensor:
        """(n, inside, h, w) -> (n, 4 * inner, h / stride, w / stride)."""
        straight = x if self.downsample is None else self.downsample(x)
        inner = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        return self.relu(self.bn3(self.conv3(inner)) + straight)  # type: ignore[no-any-return]


class ResNet50(nn.Module):
    """Pictures to the feature maps of the last three stages."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        self.layer1, self.layer2 = _stage(64, 64, 3, 1), _stage(256, 128, 4, 2)
        self.layer3, self.layer4 = _stage(512, 256, 6, 2), _stage(1024, 512, 3, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, 3, h, w) -> 512, 1024, 2048 channels at 1/8, 1/16, 1/32 of the size."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer1(x)
        second = self.layer2(x)
        third = self.layer3(second)
        return second, third, self.layer4(third)


def _stage(inside: int, inner: int, count: int, stride: int) -> nn.Sequential:
    """`count` blocks, the first of them with the stride."""
    rest = (Bottleneck(inner * _GROWTH, inner, 1) for _ in range(count - 1))
    return nn.Sequential(Bottleneck(inside, inner, stride), *rest)
