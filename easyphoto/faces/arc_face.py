"""Faces aligned as recognizers of ArcFace's kind see them (Deng et al., arXiv 1801.07698)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from easyphoto.domain import Pixels
from easyphoto.faces.builtin.onnx_net import warp
from easyphoto.faces.geometry import similarity_transform

SIDE = 112
ARC_FACE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""(5, 2) where a crop of 112 x 112 has eyes, nose tip and mouth corners."""


def arc_face_crop(picture: Pixels, points: ArrayLike, side: int = SIDE) -> Pixels:
    """The upright side x side face by (5, 2) points."""
    return warp(picture, similarity_transform(points, ARC_FACE * (side / SIDE)), side)
