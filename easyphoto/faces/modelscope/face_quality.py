"""How well a face can be recognized, 0..1: EQFace (Liu et al., CVPRW 2021), an IR-100 with a small head."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

_UNITS = ((64, 64, 3), (64, 128, 13), (128, 256, 30), (256, 512, 3))  # channels in, out, blocks
_FEATURES = 512 * 7 * 7


class ThreeNormResidual(nn.Module):
    """As `ImprovedResidual`, with a norm between the convolutions."""

    def __init__(self, inside: int, outside: int, stride: int, convolved: bool) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module | None = None
        if convolved:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
            )
        self.res_layer = nn.Sequential(
            *(nn.BatchNorm2d(inside), nn.Conv2d(inside, outside, 3, padding=1, bias=False)),
            *(nn.BatchNorm2d(outside), nn.PReLU(outside)),
            *(nn.Conv2d(outside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, outside, h / stride, w / stride)."""
        straight = x if self.shortcut_layer is None else self.shortcut_layer(x)
        return straight + self.res_layer(x)  # type: ignore[no-any-return]


class QualityBackbone(nn.Module):
    """RGB faces (n, 3, 112, 112) of -1..1 to unit vectors (n, 512) and the features (n, 25088) under them."""

    def __init__(self) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64))
        self.layer1, self.layer2, self.layer3, self.layer4 = (_stage(*unit) for unit in _UNITS)
        self.output_layer = nn.Sequential(nn.BatchNorm2d(512), nn.Dropout(0.4), nn.Flatten())
        self.feature_layer = nn.Sequential(nn.Linear(_FEATURES, 512), nn.BatchNorm1d(512))

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Vector of length 1, features."""
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.input_layer(faces)))))
        features = self.output_layer(x)
        return functional.normalize(self.feature_layer(features)), features


def _stage(inside: int, outside: int, count: int) -> nn.Sequential:
    rest = (ThreeNormResidual(outside, outside, 1, convolved=False) for _ in range(count - 1))
    return nn.Sequential(ThreeNormResidual(inside, outside, 2, convolved=True), *rest)


class QualityHead(nn.Module):
    """Features (n, 25088) to quality (n,) of 0..1."""

    def __init__(self) -> None:
        super().__init__()
        layers = (nn.Linear(_FEATURES, 512, bias=False), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 2, bias=False))
        self.add_module("qualtiy", nn.Sequential(*layers))  # the files spell it so

    def forward(self, features: Tensor) -> Tensor:
        """The probability that the face is good."""
        return self.get_submodule("qualtiy")(features).softmax(-1)[:, 0]  # type: ignore[no-any-return]
