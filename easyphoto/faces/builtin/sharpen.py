"""Enlarging with crisper detail and no invention: Lanczos, then what the guided filter calls detail."""

from __future__ import annotations

import cv2
import numpy as np

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.guided_filter import guided_filter, luma

_BOOST = 0.45
_NOISE = 0.02  # luma steps that may be grain are left as they are
_EDGE = 0.02**0.5  # guide deviation that counts as an edge


def sharpen(picture: Pixels, scale: float) -> Pixels:
    """`picture` enlarged `scale` times (1 = same size) with its detail boosted; colour differences stay.

    Raises ValueError for a scale that is not positive.
    """
    if not scale > 0:
        raise ValueError(f"scale must be positive, got {scale}")
    large = _resized(picture, scale)
    light = luma(large)
    detail = light - guided_filter(light, light, max(1, round(1.5 * max(scale, 1.0))), _EDGE**2)
    change = _bounded(light, _BOOST * _cored(detail), max(1, round(scale)))
    lifted = large.astype(np.float32) + 255 * change[..., None]
    return np.asarray(np.rint(np.clip(lifted, 0, 255)), np.uint8)


def _resized(picture: Pixels, scale: float) -> Pixels:
    h, w = picture.shape[:2]
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    if size == (w, h):
        return picture
    method = cv2.INTER_LANCZOS4 if scale > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)


def _cored(detail: Floats) -> Floats:
    """Detail with steps the size of grain taken out, softly."""
    square = detail * detail
    return np.asarray(detail * square / (square + np.float32(_NOISE**2)), np.float32)


def _bounded(light: Floats, change: Floats, radius: int) -> Floats:
    """The change, kept within what the neighbourhood has, and a little more: no halos."""
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    low, high = cv2.erode(light, kernel) - light, cv2.dilate(light, kernel) - light
    return np.asarray(np.clip(change, low - np.float32(0.02), high + np.float32(0.02)), np.float32)
