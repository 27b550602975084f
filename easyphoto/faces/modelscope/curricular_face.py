"""CurricularFace's IR-101 (Huang et al., CVPR 2020, arXiv 2004.00288): 112 x 112 faces to 512 numbers."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

SIDE, LENGTH = 112, 512
_UNITS = ((64, 64, 3), (64, 128, 13), (128, 256, 30), (256, 512, 3))  # channels in, out, blocks


class ImprovedResidual(nn.Module):
    """Norm, convolution, PReLU, convolution, norm beside a shortcut ("IR" in ArcFace, Deng et al. 2019)."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module
        if inside == outside:
            self.shortcut_layer = nn.MaxPool2d(1, stride)
        else:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inside),
            nn.Conv2d(inside, outside, 3, padding=1, bias=False),
            nn.PReLU(outside),
            nn.Conv2d(outside, outside, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outside),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, inside, h, w) -> (n, outside, h / stride, w / stride)."""
        return self.shortcut_layer(x) + self.res_layer(x)  # type: ignore[no-any-return]


class CurricularFace(nn.Module):
    """RGB faces (n, 3, 112, 112) of -1..1 to unit vectors (n, 512)."""

    def __init__(self) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64))
        self.body = nn.Sequential(
            *(
                ImprovedResidual(outside if n else inside, outside, 1 if n else 2)
                for inside, outside, count in _UNITS
                for n in range(count)
            )
        )
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512), nn.Dropout(0.4), nn.Flatten(), nn.Linear(512 * 7 * 7, LENGTH),
            nn.BatchNorm1d(LENGTH, affine=False),
        )  # fmt: skip

    def forward(self, faces: Tensor) -> Tensor:
        """Vectors of length 1."""
        return functional.normalize(self.output_layer(self.body(self.input_layer(faces))))
