"""468 points on a face: MediaPipe's face mesh (Kartynnik et al., "Real-time Facial Surface Geometry", 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.builtin.onnx_net import OnnxNet, blob_of, warp
from easyphoto.faces.geometry import (
    LEFT_EYE,
    RIGHT_EYE,
    Array,
    invert,
    roll_of,
    scale_of,
    square_crop,
    transform_points,
)

_SIZE = 192
_MARGIN = 1.5  # crop side in face sides


@dataclass(frozen=True, eq=False)
class FittedMesh:
    """Points in the picture's pixels, and how sure the net is that there is a face."""

    points: Floats  # (468, 3); z in the same pixels, smaller is nearer
    score: float  # 0..1


class MeshNet:
    """Lays the mesh on a face."""

    def __init__(self, folder: Path) -> None:
        self._net = OnnxNet(folder / "mesh.onnx")

    def fit(self, picture: Pixels, center: tuple[float, float], side: float, roll: float) -> FittedMesh:
        """The mesh of the face of about `side` pixels at `centre`, turned by `roll` degrees.

        It is run twice: the second crop comes from the first mesh and no longer from the detector's rough box.
        """
        first = self._once(picture, square_crop(center, side * _MARGIN, roll, _SIZE))
        return self._once(picture, _crop_round(first.points))

    def _once(self, picture: Pixels, matrix: Array) -> FittedMesh:
        points, logit = self._net.run(blob_of(warp(picture, matrix, _SIZE), 0.0, 1.0))
        crop = points.reshape(468, 3).astype(np.float64)
        flat = transform_points(invert(matrix), crop[:, :2])
        deep = crop[:, 2:] / scale_of(matrix)
        score = 1 / (1 + np.exp(-np.clip(float(logit.reshape(-1)[0]), -100, 100)))
        return FittedMesh(np.hstack([flat, deep]).astype(np.float32), float(score))


def _crop_round(points: Floats) -> Array:
    """The level square round a mesh."""
    flat = points[:, :2].astype(np.float64)
    roll = roll_of(flat[list(LEFT_EYE)].mean(0), flat[list(RIGHT_EYE)].mean(0))
    turned = transform_points(square_crop((0, 0), 1, roll, 1), flat)
    low, high = turned.min(0), turned.max(0)
    center = transform_points(invert(square_crop((0, 0), 1, roll, 1)), [(low + high) / 2])[0]
    return square_crop(center, max(1.0, float((high - low).max())) * _MARGIN, roll, _SIZE)
