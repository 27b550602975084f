"""How a face moves when its outline does: dense motion of the First Order Motion Model (arXiv 2003.00196)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

POINTS = 17
_WIDTHS = (64, 128, 256, 512, 1024, 1024)  # of the hourglass, from its first block on
_VARIANCE = 0.01  # of a point's Gaussian, in units of the square -1..1
_PLANES = (POINTS + 1) * 4  # a heat map and a picture for each point, and for the background
_STEP = 4  # the motion is found on a picture that many times smaller


class DownBlock(nn.Module):
    """Convolution, norm, ReLU, half the size."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(inside, outside, 3, padding=1), nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:
        """(n, outside, h / 2, w / 2)."""
        return functional.avg_pool2d(functional.relu(self.norm(self.conv(x))), 2)


class UpBlock(nn.Module):
    """Twice the size, convolution, norm, ReLU."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(inside, outside, 3, padding=1), nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:
        """(n, outside, 2 h, 2 w)."""
        return functional.relu(self.norm(self.conv(functional.interpolate(x, scale_factor=2.0))))


class _Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        inside = (_PLANES, *_WIDTHS[1:-1])
        self.down_blocks = nn.ModuleList(DownBlock(a, b) for a, b in zip(inside, _WIDTHS[1:], strict=True))


class _Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        inside = (_WIDTHS[-1], *(2 * width for width in _WIDTHS[-2:0:-1]))
        self.up_blocks = nn.ModuleList(UpBlock(a, b) for a, b in zip(inside, _WIDTHS[-2::-1], strict=True))


class Hourglass(nn.Module):
    """Five halvings, five doublings with skips."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = _Encoder(), _Decoder()

    def forward(self, x: Tensor) -> Tensor:
        """(n, 64 + planes, h, w)."""
        skips = [x]
        for block in self.encoder.down_blocks:
            skips.append(block(skips[-1]))
        x = skips.pop()
        for block in self.decoder.up_blocks:
            x = torch.cat([block(x), skips.pop()], dim=1)
        return x


class SmoothShrink(nn.Module):
    """Every fourth pixel of the blurred picture."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(3, 1, 13, 13))

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, h / 4, w / 4)."""
        return functional.conv2d(x, self.get_buffer("weight"), stride=_STEP, padding=6, groups=3)


class DenseMotion(nn.Module):
    """Where each pixel of the moved face lies in the face as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.hourglass = Hourglass()
        self.mask = nn.Conv2d(_WIDTHS[0] + _PLANES, POINTS + 1, 7, padding=3)
        self.down = SmoothShrink()

    def forward(self, face: Tensor, wanted: Tensor, own: Tensor) -> Tensor:
        """(1, h / 4, w / 4, 2) places of -1..1 in `face` (1, 3, h, w), whose points `own` shall come to `wanted`.

        Points are (1, 17, 2), x and y of -1..1.
        """
        small = self.down(face)
        grid = unit_grid(small.shape[2], small.shape[3], small)
        heat = gaussians(grid, wanted[0]) - gaussians(grid, own[0])
        heat = torch.cat([torch.zeros_like(heat[:1]), heat])
        shifted = grid[None] - wanted[0][:, None, None] + own[0][:, None, None]
        moves = torch.cat([grid[None], shifted])  # of the background, then of each point
        pictures = functional.grid_sample(small.expand(POINTS + 1, -1, -1, -1), moves, align_corners=False)
        planes = torch.cat([heat[:, None], pictures], dim=1).flatten(0, 1)[None]
        shares = self.mask(self.hourglass(planes)).softmax(1)
        return torch.einsum("khwc,nkhw->nhwc", moves, shares)


def unit_grid(height: int, width: int, like: Tensor) -> Tensor:
    """(h, w, 2) x and y of every pixel, -1 the first, 1 the last."""
    y = torch.linspace(-1, 1, height, device=like.device, dtype=like.dtype)
    x = torch.linspace(-1, 1, width, device=like.device, dtype=like.dtype)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)


def gaussians(grid: Tensor, points: Tensor) -> Tensor:
    """(k, h, w), 1 at each of (k, 2) points."""
    away = (grid[None] - points[:, None, None]).square().sum(-1)
    return torch.exp(-0.5 * away / _VARIANCE)


def moved(face: Tensor, places: Tensor) -> Tensor:
    """`face` (1, 3, h, w) read at `places` (1, *, *, 2)."""
    fine = functional.interpolate(places.permute(0, 3, 1, 2), size=face.shape[2:], mode="bilinear", align_corners=False)
    return functional.grid_sample(face, fine.permute(0, 2, 3, 1), align_corners=False)
