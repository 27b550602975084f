"""Small networks from files, and the crops they look at."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike

from easyphoto.domain import Floats, Pixels
from easyphoto.errors import BadModel, MissingModel
from easyphoto.faces.geometry import compose, invert, scale_of, transform_points
from easyphoto.system_errors import shortage_of


class OnnxNet:
    """An ONNX file on the CPU; two threads may run it at once. Without an `arena` memory is given back after a run."""

    def __init__(self, file: Path, arena: bool = True) -> None:
        import onnxruntime

        if not file.is_file():
            raise MissingModel("faces.model-missing", stage="load face models", file=str(file))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = min(4, os.cpu_count() or 1)
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads leave the cores alone
        options.enable_cpu_mem_arena = options.enable_mem_pattern = arena
        options.log_severity_level = 3
        try:
            data = file.read_bytes()  # as bytes, since paths need not be ASCII
            self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as fault:  # its exceptions share no base class of their own
            damaged = BadModel("faces.model-damaged", stage="load face models", file=str(file))
            raise shortage_of(fault) or damaged from fault
        self._input = self._session.get_inputs()[0].name

    def run(self, blob: Floats) -> tuple[Floats, ...]:
        """The net's results, in the file's order, for a float32 (n, 3, h, w) blob."""
        return tuple(self._session.run(None, {self._input: blob}))


def warp(picture: Pixels, matrix: ArrayLike, size: int) -> Pixels:
    """The size x size crop that `matrix` (picture -> crop, 2 x 3) cuts; outside the picture it is black.

    Strong shrinking averages first, so that a large face does not alias.
    """
    m = np.asarray(matrix, np.float64)
    zoom = scale_of(m)
    if zoom < 0.5:
        picture, m = _shrunk(picture, m, size, 2 * zoom)
    # Pixel centres lie at half-integers in our coordinates, at integers in OpenCV's.
    m = m.copy()
    m[:, 2] += m[:, :2] @ np.array([0.5, 0.5]) - 0.5
    return np.asarray(cv2.warpAffine(picture, m, (size, size), flags=cv2.INTER_LINEAR), np.uint8)


def _shrunk(picture: Pixels, matrix: np.ndarray, size: int, ratio: float) -> tuple[Pixels, np.ndarray]:
    """The part of the picture the crop sees, area-averaged to `ratio`, and the matrix that fits it."""
    corners = transform_points(invert(matrix), [[0, 0], [size, 0], [size, size], [0, size]])
    h, w = picture.shape[:2]
    left, top = np.clip(np.floor(corners.min(0)).astype(int) - 2, 0, [w - 1, h - 1])
    right, bottom = np.clip(np.ceil(corners.max(0)).astype(int) + 2, [left + 1, top + 1], [w, h])
    part = picture[top:bottom, left:right]
    target = (max(1, round(part.shape[1] * ratio)), max(1, round(part.shape[0] * ratio)))
    small = np.asarray(cv2.resize(part, target, interpolation=cv2.INTER_AREA), np.uint8)
    back = np.array([[part.shape[1] / target[0], 0, left], [0, part.shape[0] / target[1], top]])
    return small, compose(matrix, back)


def blob_of(crop: Pixels, low: float, high: float) -> Floats:
    """(1, 3, h, w) float32 with 0..255 mapped to low..high, RGB."""
    scaled = crop.astype(np.float32) * np.float32((high - low) / 255) + np.float32(low)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def pixels_of(made: Floats) -> Pixels:
    """(h, w, 3) of -1..1 as a picture; values beyond are clipped."""
    return np.asarray(np.rint(np.clip(made * 127.5 + 127.5, 0, 255)), np.uint8)
