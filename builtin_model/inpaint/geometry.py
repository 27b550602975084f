"""What the model is told of a face's shape: six maps and an oval mask, drawn from its mesh (MediaPipe's 468 points)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from builtin_model.inpaint.frame import Array, Pixels
from builtin_model.mesh_indices import BROWS, EYES, INNER_MOUTH, LIPS, NOSE_LINES, OVAL

CELL = 8
"""Pixels a side of what one latent describes."""

MAPS = ("face", "eyes", "brows", "lips", "inner mouth", "nose lines")

_FILLED = ((OVAL,), EYES, BROWS, (LIPS,), (INNER_MOUTH,))
_SHIFT = 4  # binary digits after the point that OpenCV draws with


def geometry_maps(mesh: ArrayLike, side: int) -> NDArray[np.float32]:
    """(6, side / 8, side / 8) in 0..1: the share of each cell that `MAPS` cover, of a mesh in frame pixels."""
    flat = np.asarray(mesh, np.float64)[:, :2]
    drawn = np.zeros((len(MAPS), side, side), np.uint8)
    for layer, outlines in zip(drawn, _FILLED, strict=False):
        cv2.fillPoly(layer, [_fixed(flat[list(outline)]) for outline in outlines], 255, cv2.LINE_AA, _SHIFT)
    lines = [_fixed(flat[list(line)]) for line in NOSE_LINES]
    cv2.polylines(drawn[-1], lines, False, 255, max(1, round(side / 100)), cv2.LINE_AA, _SHIFT)
    return cell_means(drawn)


def oval_mask(mesh: ArrayLike, side: int, ratio: float) -> Pixels:
    """(side, side) uint8, 255 in the face's oval, `ratio` times as large about its middle."""
    rim = np.asarray(mesh, np.float64)[list(OVAL), :2]
    middle = rim.mean(0)
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [_fixed(middle + (rim - middle) * ratio)], 255, cv2.LINE_AA, _SHIFT)
    return mask


def cell_means(values: Pixels) -> NDArray[np.float32]:
    """(..., h / 8, w / 8) in 0..1: means over cells of uint8 values."""
    *rest, height, width = values.shape
    cells = values.reshape(*rest, height // CELL, CELL, width // CELL, CELL)
    return np.asarray(cells.mean((-3, -1), dtype=np.float32) / 255, np.float32)


def _fixed(points: Array) -> NDArray[np.int32]:
    """Points for OpenCV's fixed-point drawing, whose pixel centers are whole numbers."""
    return np.asarray(np.rint((points - 0.5) * 2**_SHIFT), np.int32)
