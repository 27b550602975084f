"""Whose face it is: dlib's ResNet-29 (Davis King, 2017), 128 numbers whose L2 distance tells persons apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.base import Recognizer
from easyphoto.faces.builtin.onnx_net import OnnxNet, warp
from easyphoto.faces.geometry import similarity_transform

DLIB = Recognizer("dlib-resnet29-mesh", same=0.6, strict=0.5)

_SIZE = 150
_FIVE = np.array([[48.7, 45.3], [99.3, 45.6], [73.8, 81.4], [51.3, 101.4], [99.2, 101.0]])  # where the chip has them
_MEAN = np.array([122.782, 117.001, 104.298], np.float32)


class ResNet29:
    """Runs recogniser.onnx."""

    def __init__(self, folder: Path) -> None:
        self._net = OnnxNet(folder / "recogniser.onnx")

    def embed(self, picture: Pixels, points: Sequence[ArrayLike]) -> Floats:
        """(n, 128), one row per (5, 2) set of points in the picture."""
        chips = np.stack([chip(picture, five) for five in points])
        blob = ((chips.astype(np.float32) - _MEAN) / 256).transpose(0, 3, 1, 2)
        (rows,) = self._net.run(np.ascontiguousarray(blob))
        return rows


def chip(picture: Pixels, five: ArrayLike) -> Pixels:
    """The upright 150 x 150 face the net was trained on, cut by (5, 2) points."""
    return warp(picture, similarity_transform(five, _FIVE), _SIZE)
