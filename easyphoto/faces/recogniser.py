"""Whose face it is: dlib's ResNet-29 (Davis King, 2017), 128 numbers whose L2 distance tells persons apart."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from easyphoto.domain import Floats, Pixels
from easyphoto.errors import BadModel
from easyphoto.faces.base import Recogniser
from easyphoto.faces.geometry import similarity_transform
from easyphoto.faces.nets import present, warp

DLIB = Recogniser("dlib-resnet29-mesh", same=0.6, strict=0.5)

_SIZE = 150
_FIVE = np.array([[48.7, 45.3], [99.3, 45.6], [73.8, 81.4], [51.3, 101.4], [99.2, 101.0]])  # where the chip has them
_MEAN = np.array([122.782, 117.001, 104.298], np.float32)


class ResNet29:
    """Runs recogniser.onnx."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        file = present(folder / "recogniser.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = min(4, os.cpu_count() or 1)
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(file.read_bytes(), options, providers=["CPUExecutionProvider"])
        except Exception as fault:  # its exceptions share no base class of their own
            raise BadModel("A face model is damaged.", stage="load face models", file=str(file)) from fault

    def embed(self, picture: Pixels, points: Sequence[ArrayLike]) -> Floats:
        """(n, 128), one row per (5, 2) set of points in the picture."""
        chips = np.stack([chip(picture, five) for five in points])
        blob = ((chips.astype(np.float32) - _MEAN) / 256).transpose(0, 3, 1, 2)
        (rows,) = self._session.run(None, {"face": np.ascontiguousarray(blob)})
        return np.asarray(rows, np.float32)


def chip(picture: Pixels, five: ArrayLike) -> Pixels:
    """The upright 150 x 150 face the net was trained on, cut by (5, 2) points."""
    return warp(picture, similarity_transform(five, _FIVE), _SIZE)
