"""Glasses of the person keep the shape of their frame while the face in them is bent to the template's."""

from __future__ import annotations

import cv2
import numpy as np

from builtin_model.mesh_indices import EYES
from easyphoto.domain import Floats
from easyphoto.faces.fusion.blend_mask import BlendMask

_UNDER_EYES = (117, 118, 119, 120, 100, 346, 347, 348, 349, 329, 50, 101, 280, 330)  # as low as lenses reach
_RIM = 0.06  # face heights round eyes and cheekbones that a frame may take in
_EDGE = 0.03  # face heights over which the rest of the face bends again
_SHAPE = 0.09  # radius in face heights: what bends more than that is no change of pose or width


def with_straight_frame(plane: BlendMask, field: Floats) -> Floats:
    """`field` (H, W, 2; the photo's x, y for every pixel of the plane) that hardly bends within the glasses.

    A cheek lifted by a laugh would pull the lower rim of a lens along.
    """
    zone = plane.soft(plane.grow(plane.around(*EYES, _UNDER_EYES), _RIM), _EDGE)
    rows, columns = np.nonzero(zone > 0.5)
    if not len(rows):
        return field
    even = _affine(field, rows, columns)
    away = field - even  # blurring keeps straight lines but at the borders, where it is straightened first
    calm = even + cv2.GaussianBlur(away, (0, 0), max(1.0, _SHAPE * plane.height))
    return np.asarray(field + (calm - field) * zone[..., None], np.float32)


def _affine(field: Floats, rows: np.ndarray, columns: np.ndarray) -> Floats:
    """The affine map nearest to `field` at those pixels, everywhere."""
    known = np.stack([columns, rows, np.ones(len(rows))], -1).astype(np.float64)
    fit, *_ = np.linalg.lstsq(known, field[rows, columns].astype(np.float64), rcond=None)
    y, x = np.mgrid[: field.shape[0], : field.shape[1]]
    return np.asarray(np.stack([x, y, np.ones_like(x)], -1) @ fit, np.float32)
