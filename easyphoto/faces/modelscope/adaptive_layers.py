"""FaceShifter's adaptive attentional denormalization (Li et al., arXiv 1912.13457): identity into features."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

IDENTITY = 512
_HIDDEN = 128


class AttentionalNorm(nn.Module):
    """Features normed at every place, then scaled and shifted by identity or by attributes, as a mask decides."""

    def __init__(self, width: int, attributes: int) -> None:
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(attributes, _HIDDEN, 3), nn.ReLU())
        self.conv1, self.conv2 = nn.Conv2d(_HIDDEN, width, 3), nn.Conv2d(_HIDDEN, width, 3)
        self.fc1, self.fc2 = nn.Linear(IDENTITY, width), nn.Linear(IDENTITY, width)
        self.conv_h = nn.Conv2d(width, 1, 3)

    def forward(self, x: Tensor, attributes: Tensor, identity: Tensor) -> Tensor:
        """Same shape as x."""
        normed = (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True) + 1e-5).sqrt()
        hidden = mirrored(self.mlp_shared(attributes))
        by_attributes = self.conv1(hidden) * normed + self.conv2(hidden)
        scale, shift = self.fc1(identity)[..., None, None], self.fc2(identity)[..., None, None]
        mask = torch.sigmoid(self.conv_h(mirrored(normed)))
        return (1 - mask) * by_attributes + mask * (scale * normed + shift)  # type: ignore[no-any-return]


class AttentionalBlock(nn.Module):
    """Two of them, each before a convolution, beside a shortcut. The weights' spectral norm is folded in."""

    def __init__(self, inside: int, outside: int, attributes: int) -> None:
        super().__init__()
        middle = min(inside, outside)
        self.AAD1, self.AAD2 = AttentionalNorm(inside, attributes), AttentionalNorm(middle, attributes)
        self.conv1, self.conv2 = nn.Conv2d(inside, middle, 3), nn.Conv2d(middle, outside, 3)
        self.learned = inside != outside
        if self.learned:
            self.AAD3, self.conv3 = AttentionalNorm(inside, attributes), nn.Conv2d(inside, outside, 1, bias=False)

    def forward(self, x: Tensor, attributes: Tensor, identity: Tensor) -> Tensor:
        """(n, outside, h, w)."""
        inner = self.conv1(mirrored(functional.leaky_relu(self.AAD1(x, attributes, identity), 0.2)))
        inner = self.conv2(mirrored(functional.leaky_relu(self.AAD2(inner, attributes, identity), 0.2)))
        return inner + (self.conv3(self.AAD3(x, attributes, identity)) if self.learned else x)  # type: ignore[no-any-return]


class SelfAttention(nn.Module):
    """Every place asks all others (Zhang et al., arXiv 1805.08318)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.theta, self.phi = nn.Conv2d(width, width // 8, 1, bias=False), nn.Conv2d(width, width // 8, 1, bias=False)
        self.g, self.o = nn.Conv2d(width, width // 2, 1, bias=False), nn.Conv2d(width // 2, width, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        keys, values = (functional.max_pool2d(layer(x), 2).flatten(2) for layer in (self.phi, self.g))
        shares = (self.theta(x).flatten(2).transpose(1, 2) @ keys).softmax(-1)
        seen = (values @ shares.transpose(1, 2)).unflatten(2, x.shape[2:])
        return self.gamma * self.o(seen) + x  # type: ignore[no-any-return]


def mirrored(x: Tensor) -> Tensor:
    """One pixel more on each side, mirrored at the rim."""
    return functional.pad(x, (1, 1, 1, 1), mode="reflect")


def doubled(x: Tensor) -> Tensor:
    """Twice as large, corner on corner."""
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
