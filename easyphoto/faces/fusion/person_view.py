"""What is known of a person in a picture made small, as skin is looked for in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from easyphoto.domain import Box, Face, Floats, Pixels
from easyphoto.faces.base import FaceRegions
from easyphoto.faces.guided_filter import luma
from easyphoto.images.color import rgb_to_lab

Mask = NDArray[np.bool_]

_SIDE = 320  # pixels of the longer side at which GrabCut works
_NAMES = ("face", "skin", "eyes", "brows", "lips", "nose")


@dataclass(frozen=True, eq=False)
class PersonView:
    """All arrays are H x W of the small picture."""

    picture: Pixels
    lab: Floats  # blurred
    regions: FaceRegions
    rough: Floats  # mean fine contrast round each pixel
    matte: Pixels
    box: Box
    points: Floats  # the five of the face


def person_view(part: Pixels, regions: FaceRegions, person: Pixels, face: Face) -> PersonView:
    """Of the `person` (uint8 mask) in `part`, whose face and its regions are in that picture's pixels."""
    ratio = min(1.0, _SIDE / max(part.shape[:2]))
    size = (max(1, round(part.shape[1] * ratio)), max(1, round(part.shape[0] * ratio)))

    def shrunk(values: Pixels) -> Pixels:
        return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.uint8)

    picture = shrunk(part)
    lab = cv2.GaussianBlur(rgb_to_lab(picture), (0, 0), max(0.5, 0.01 * face.box.width * ratio))
    masks = FaceRegions(*(shrunk(getattr(regions, name)) for name in _NAMES))
    rough = np.asarray(cv2.resize(_roughness(part, face.box.width), size, interpolation=cv2.INTER_AREA), np.float32)
    scaled = Box(*(ratio * side for side in (face.box.left, face.box.top, face.box.right, face.box.bottom)))
    return PersonView(picture, np.asarray(lab, np.float32), masks, rough, shrunk(person), scaled, face.points * ratio)


def _roughness(part: Pixels, width: float) -> Floats:
    """Mean fine contrast: hair of skin's color has more of it."""
    gray = luma(part) * np.float32(255)
    fine = np.abs(gray - cv2.GaussianBlur(gray, (0, 0), max(0.8, 0.008 * width)))
    around = cv2.GaussianBlur(fine, (0, 0), max(1.0, 0.02 * width))
    side = 2 * max(1, round(0.04 * width)) + 1
    return np.asarray(cv2.erode(around, np.ones((side, side), np.uint8)), np.float32)  # a lone edge is not rough


def color_gap(lab: Floats, samples: Mask, tolerance: tuple[float, float, float, float]) -> Floats:
    """How unlike the colors under `samples` a pixel is; 1 is the rim of what is usual.

    `tolerance` is the weight of lightness, and what is added to the spread of L, a and b.
    """
    weight, *extra = tolerance
    rows = lab[samples]
    middle = np.median(rows, axis=0)
    spread = 1.4826 * np.median(np.abs(rows - middle), axis=0) + np.array(extra, np.float32)
    away = (lab - middle) / spread
    return np.asarray(np.sqrt(weight * away[..., 0] ** 2 + away[..., 1] ** 2 + away[..., 2] ** 2), np.float32)
