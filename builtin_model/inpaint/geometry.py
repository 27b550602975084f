"""What the model is told of a face's shape: six maps and an oval mask, drawn from its mesh (MediaPipe's 468 points)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from builtin_model.inpaint.frame import Array, Pixels

CELL = 8
"""Pixels a side of what one latent describes."""

MAPS = ("face", "eyes", "brows", "lips", "inner mouth", "nose lines")

# fmt: off
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
_EYES = ((33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
         (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466))
_BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
_NOSE = ((168, 6, 197, 195, 5, 4, 1), (48, 64, 98, 97, 2, 326, 327, 294, 278))
# fmt: on
_FILLED = ((OVAL,), _EYES, _BROWS, (_LIPS,), (_INNER,))
_SHIFT = 4  # binary digits after the point that OpenCV draws with


def geometry_maps(mesh: ArrayLike, side: int) -> NDArray[np.float32]:
    """(6, side / 8, side / 8) in 0..1: the share of each cell that `MAPS` cover, of a mesh in frame pixels."""
    flat = np.asarray(mesh, np.float64)[:, :2]
    drawn = np.zeros((len(MAPS), side, side), np.uint8)
    for layer, outlines in zip(drawn, _FILLED, strict=False):
        cv2.fillPoly(layer, [_fixed(flat[list(outline)]) for outline in outlines], 255, cv2.LINE_AA, _SHIFT)
    lines = [_fixed(flat[list(line)]) for line in _NOSE]
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
