"""A face's 3-D shape: Deep3DFaceRecon's network (Deng et al., arXiv 1903.08527) and the morphable model's outline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from easyphoto.domain import Floats
from easyphoto.errors import BadModel, MissingModel
from easyphoto.faces.modelscope.dense_motion import POINTS
from easyphoto.faces.modelscope.resnet50 import ResNet50
from easyphoto.system_errors import shortage_of

SIDE = 224
_HEADS = (80, 64, 80, 3, 27, 2, 1)  # identity, expression, texture, angles, light, shift across, shift in depth
_IDENTITY, _EXPRESSION, _ANGLES, _SHIFT = slice(0, 80), slice(80, 144), slice(224, 227), slice(254, 257)
_FOCAL, _DISTANCE = 1015.0, 10.0  # of the camera the network was trained with
_PARTS = ("meanshape", "idBase", "exBase", "keypoints")


class FaceShapeNet(nn.Module):
    """RGB faces (n, 3, 224, 224) of 0..1 to the morphable model's 257 coefficients (n, 257)."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ResNet50()
        self.final_layers = nn.ModuleList(nn.Conv2d(2048, count, 1) for count in _HEADS)

    def forward(self, faces: Tensor) -> Tensor:
        """In the order of `_HEADS`."""
        features = self.backbone(faces)[-1].mean((2, 3), keepdim=True)
        return torch.cat([head(features) for head in self.final_layers], dim=1).flatten(1)


@dataclass(frozen=True, eq=False)
class JawModel:
    """The morphable model (BFM 2009, Paysan et al.) of the 17 points from ear to ear along the jaw."""

    mean: Floats  # (17, 3)
    identity: Floats  # (17, 3, 80)
    expression: Floats  # (17, 3, 64)

    @classmethod
    def read(cls, file: Path) -> JawModel:
        """From ``BFM_model_front.mat``. Raises MissingModel, BadModel."""
        from scipy.io import loadmat

        if not file.is_file():
            raise MissingModel("modelscope.missing", stage="load face models", file=str(file))
        try:
            found = loadmat(str(file), variable_names=_PARTS)
            shape, identity, expression, points = (np.asarray(found[name]) for name in _PARTS)
            mean = shape.reshape(-1, 3)
            rows = points.reshape(-1)[:POINTS].astype(int) - 1
            bases = (base.reshape(len(mean), 3, -1)[rows].astype(np.float32) for base in (identity, expression))
            return cls((mean - mean.mean(0)).astype(np.float32)[rows], *bases)
        except Exception as fault:  # scipy's readers raise what they like
            damaged = BadModel("modelscope.damaged", stage="load face models", file=str(file))
            raise shortage_of(fault) or damaged from fault

    def outline(self, coefficients: Floats) -> Floats:
        """(17, 2) of a face with those (257,) coefficients in its crop: x, y of -1..1, y down."""
        shape = self.mean + self.identity @ coefficients[_IDENTITY] + self.expression @ coefficients[_EXPRESSION]
        placed = shape @ _turn(coefficients[_ANGLES]) + coefficients[_SHIFT]
        depth = _DISTANCE - placed[:, 2]
        x, y = (_FOCAL * placed[:, axis] / depth + SIDE / 2 for axis in (0, 1))
        return np.asarray(np.stack([x, SIDE - y], axis=-1) / SIDE * 2 - 1, np.float32)


def _turn(angles: Floats) -> Floats:
    """(3, 3) for row vectors: about x, then y, then z."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray((about_z @ about_y @ about_x).T, np.float32)


def fused_coefficients(source: Floats, template: Floats) -> Floats:
    """(257,) of the template's face with half of the source's identity."""
    fused = template.copy()
    fused[_IDENTITY] = (source[_IDENTITY] + template[_IDENTITY]) / 2
    return fused
