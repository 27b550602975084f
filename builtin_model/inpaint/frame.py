"""The upright, level frame of a face that the inpainting model works in, and the way back into the picture.

Points are x to the right, y down, in pixels with pixel centers at half-integers; a 2 x 3 matrix maps columns (x, y, 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Pixels = NDArray[np.uint8]
Array = NDArray[np.float64]

SIDE = 256
"""Pixels a side of the frame that the model was trained on; a face is about 176 of them wide."""

_EYES, _MOUTH = 2.0, 1.8
_SHARE = 1.06 * (320 / 288) * (228 / 320)
_TOWARDS_MOUTH = 0.1


@dataclass(frozen=True, eq=False)
class Frame:
    """A square cut of a picture, `side` pixels wide."""

    matrix: Array  # (2, 3), picture -> frame
    side: int = SIDE

    @property
    def zoom(self) -> float:
        """Frame pixels for a pixel of the picture; above 1 the picture is enlarged."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    def points(self, points: ArrayLike) -> Array:
        """(n, 2) points of the picture, in frame pixels; further columns are left out."""
        flat = np.asarray(points, np.float64)[:, :2]
        return np.asarray(flat @ self.matrix[:, :2].T + self.matrix[:, 2])

    def cut(self, picture: Pixels) -> Pixels:
        """The frame of an H x W x 3 picture or an H x W mask; beyond the picture its border goes on."""
        return warp(picture, self.matrix, self.side)

    def back(self, part: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
        """Float values of the frame (side x side, or with channels) in a picture of `size` (width, height), else 0."""
        matrix = _centers(_inverse(self.matrix))
        return np.asarray(cv2.warpAffine(part, matrix, size, flags=cv2.INTER_CUBIC), np.float32)

    def enlarged(self, side: int) -> Frame:
        """The same square of the picture at another resolution."""
        return Frame(self.matrix * (side / self.side), side)


def frame_of(points: ArrayLike, side: int = SIDE) -> Frame:
    """The frame of a face with five points (5, 2): eye left in the picture, eye right, nose tip, mouth left, right.

    Raises ValueError where the eyes or the eyes and the mouth lie on one spot.
    """
    eye_left, eye_right, _, mouth_left, mouth_right = np.asarray(points, np.float64)[:, :2]
    eyes, mouth = (eye_left + eye_right) / 2, (mouth_left + mouth_right) / 2
    across, down = eye_right - eye_left, mouth - eyes
    half = max(_EYES * float(np.linalg.norm(across)), _MOUTH * float(np.linalg.norm(down))) * _SHARE
    if half < 1e-6:
        raise ValueError("the five points lie on one spot")
    return Frame(square(eyes + _TOWARDS_MOUTH * down, 2 * half, float(np.arctan2(across[1], across[0])), side), side)


def square(center: ArrayLike, length: float, angle: float, side: int) -> Array:
    """The (2, 3) matrix that brings a square of `length` picture pixels, turned by `angle` radians, to side x side."""
    zoom = side / length
    cos, sin = np.cos(-angle) * zoom, np.sin(-angle) * zoom
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.hstack([linear, (side / 2 - linear @ np.asarray(center, np.float64))[:, None]])


def warp(picture: Pixels, matrix: Array, side: int) -> Pixels:
    """The side x side cut of `matrix`; strong shrinking averages, so that nothing aliases."""
    zoom = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if zoom < 0.75:
        height, width = picture.shape[:2]
        size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
        shrink = np.array([[width / size[0], 0.0], [0.0, height / size[1]]])
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        matrix = np.hstack([matrix[:, :2] @ shrink, matrix[:, 2:]])
    options = {"flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REPLICATE}
    return np.asarray(cv2.warpAffine(picture, _centers(matrix), (side, side), **options), np.uint8)  # type: ignore[call-overload]


def _inverse(matrix: Array) -> Array:
    linear = np.linalg.inv(matrix[:, :2])
    return np.hstack([linear, -linear @ matrix[:, 2:]])


def _centers(matrix: Array) -> Array:
    """The matrix for OpenCV, whose pixel centers are whole numbers."""
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
    return moved
