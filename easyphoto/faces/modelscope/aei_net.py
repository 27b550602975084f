"""The face-fusion network: FaceShifter's generator (arXiv 1912.13457) on a template bent to the person's outline."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from easyphoto.faces.modelscope.adaptive_layers import IDENTITY, AttentionalBlock, SelfAttention, doubled
from easyphoto.faces.modelscope.dense_motion import DenseMotion, moved

_DOWN = ((3, 32), (32, 64), (64, 128), (128, 256), (256, 512), (512, 1024), (1024, 1024))
_UP = ((1024, 1024), (2048, 512), (1024, 256), (512, 128), (256, 64), (128, 32))
_BLOCKS = (  # channels in, out, of attributes
    *((1024, 1024, 1024), (1024, 1024, 2048), (1024, 1024, 1024), (1024, 512, 512)),
    *((512, 256, 256), (256, 128, 128), (128, 64, 64), (64, 3, 64)),
)
_BAR = ".module.weight_bar"


class HalvingConv(nn.Module):
    """4 x 4 convolution, norm, leaky ReLU."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(inside, outside, 4, 2, 1, bias=False), nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:
        """(n, outside, h / 2, w / 2)."""
        return functional.leaky_relu(self.norm(self.conv(x)), 0.1)


class DoublingConv(nn.Module):
    """The same the other way, with a skip."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.deconv, self.bn = nn.ConvTranspose2d(inside, outside, 4, 2, 1, bias=False), nn.BatchNorm2d(outside)

    def forward(self, x: Tensor, beside: Tensor) -> Tensor:
        """(n, outside + skip's, 2 h, 2 w)."""
        return torch.cat([functional.leaky_relu(self.bn(self.deconv(x)), 0.1), beside], dim=1)


class AttributeEncoder(nn.Module):
    """All of the template's face but its identity, at eight sizes."""

    def __init__(self) -> None:
        super().__init__()
        for number, widths in enumerate(_DOWN, start=1):
            self.add_module(f"conv{number}", HalvingConv(*widths))
        for number, widths in enumerate(_UP, start=1):
            self.add_module(f"deconv{number}", DoublingConv(*widths))

    def forward(self, face: Tensor) -> list[Tensor]:
        """The smallest first: 2, 4, 8 ... 256 pixels of a face of 256."""
        down = [face]
        for number in range(1, 8):
            down.append(self.get_submodule(f"conv{number}")(down[-1]))
        maps = [down[7]]
        for number in range(1, 7):
            maps.append(self.get_submodule(f"deconv{number}")(maps[-1], down[7 - number]))
        return [*maps, doubled(maps[-1])]


class FaceGenerator(nn.Module):
    """A face of that identity with those attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.up1 = nn.ConvTranspose2d(IDENTITY, 1024, 2)
        for number, widths in enumerate(_BLOCKS, start=1):
            self.add_module(f"AADBlk{number}", AttentionalBlock(*widths))
        self.sa = SelfAttention(512)

    def forward(self, attributes: list[Tensor], identity: Tensor) -> Tensor:
        """(1, 3, 256, 256) of -1..1."""
        x = self.up1(identity[..., None, None])
        for number, one in enumerate(attributes, start=1):
            x = self.get_submodule(f"AADBlk{number}")(x, one, identity)
            if number < len(attributes):
                x = doubled(x)
            if number == 4:
                x = self.sa(x)
        return torch.tanh(x)


class AeiNet(nn.Module):
    """A template's face (1, 3, 256, 256) of -1..1 and an identity (1, 512) to the person's face there, as large."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.generator, self.dense_motion_network = AttributeEncoder(), FaceGenerator(), DenseMotion()

    def forward(self, face: Tensor, identity: Tensor, wanted: Tensor, own: Tensor) -> Tensor:
        """`wanted` and `own` are the outlines (1, 17, 2) of the fused and the template's face, -1..1."""
        bent = moved(face, self.dense_motion_network(face, wanted, own))
        return self.generator(self.encoder(bent), identity)  # type: ignore[no-any-return]


def folded(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights as they are used: spectral norm (Miyato et al., arXiv 1802.05957) divided out of them.

    Files hold ``X.module.weight_bar`` with the vectors ``_u`` and ``_v`` of its largest singular value.
    """
    found = {}
    for name, value in tensors.items():
        if name.endswith(_BAR):
            stem = name.removesuffix("_bar")
            sigma = tensors[f"{stem}_u"] @ value.flatten(1) @ tensors[f"{stem}_v"]
            found[name.replace(_BAR, ".weight")] = value / sigma
        elif not name.endswith((".weight_u", ".weight_v")):
            found[name.replace(".module.", ".")] = value
    return found
