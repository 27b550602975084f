"""Faces in pictures: boxes, points, poses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels; right and bottom are exclusive."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels."""
        return self.bottom - self.top

    @property
    def center(self) -> tuple[float, float]:
        """(x, y)."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def area(self) -> float:
        """Square pixels, never negative."""
        return max(0.0, self.width) * max(0.0, self.height)

    def scaled(self, ratio: float) -> Box:
        """About its centre."""
        (x, y), w, h = self.center, self.width * ratio / 2, self.height * ratio / 2
        return Box(x - w, y - h, x + w, y + h)

    def clipped(self, size: tuple[int, int]) -> Box:
        """To a picture of `size` (width, height)."""
        w, h = size
        return Box(
            min(max(0, self.left), w), min(max(0, self.top), h), max(0, min(w, self.right)), max(0, min(h, self.bottom))
        )

    def rounded(self) -> tuple[int, int, int, int]:
        """As PIL wants it."""
        return round(self.left), round(self.top), round(self.right), round(self.bottom)

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0..1."""
        inner = Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )
        if inner.width <= 0 or inner.height <= 0:
            return 0.0
        return inner.area / (self.area + other.area - inner.area)


@dataclass(frozen=True)
class Pose:
    """Head angles in degrees. yaw > 0: turned to the viewer's right; pitch > 0: looking up; roll > 0: clockwise."""

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, eq=False)
class Face:
    """A face found in a picture, in that picture's pixels."""

    box: Box
    points: Floats  # (5, 2): eye on the picture's left, eye on its right, nose tip, mouth corner left, right
    score: float  # 0..1
    pose: Pose
    mesh: Floats | None = None  # (468, 3) MediaPipe topology; z in the same pixels, smaller is nearer
    embedding: Floats | None = None  # what the toolbox's recogniser gives, e.g. (128,)
