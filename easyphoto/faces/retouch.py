"""Smoother skin by frequency separation: blemishes go, pores, features and colour stay."""

from __future__ import annotations

import cv2
import numpy as np

from easyphoto.domain import Floats, Pixels
from easyphoto.images.colour import lab_to_rgb, rgb_to_lab

_FINE, _COARSE = 0.005, 0.04  # of the face's width: texture is finer than the first, form coarser than the second
_STRONG = np.array([9.0, 7.0, 7.0], np.float32)  # L*, a*, b*: what stands out more is a feature, not a blemish


def smooth_skin(picture: Pixels, skin: Pixels, face_width: float, ratio: float) -> Pixels:
    """`picture` with blemishes on `skin` (uint8 H x W) lessened by `ratio` 0..1.

    Mean lightness and colour of the skin stay as they are: it neither whitens nor warms. Pixels where the mask is 0
    are the picture's own.
    """
    share = skin.astype(np.float32)[..., None] / np.float32(255)
    ratio = float(np.clip(ratio, 0.0, 1.0))
    if ratio == 0 or share.sum() < 1:
        return picture.copy()
    lab = rgb_to_lab(picture)
    between = _blurred(lab, share, _FINE * face_width) - _blurred(lab, share, _COARSE * face_width)
    change = -ratio * share * between * np.exp(-((between / _STRONG) ** 2))
    change -= share * (change.sum((0, 1)) / share.sum())
    out = lab_to_rgb(lab + change)
    return np.where(share > 0, out, picture)


def _blurred(lab: Floats, share: Floats, sigma: float) -> Floats:
    """Gaussian mean over skin alone, so that hair and background do not bleed in."""
    sigma = max(sigma, 0.3)
    total = cv2.GaussianBlur(lab * share, (0, 0), sigma)
    weight = cv2.GaussianBlur(share, (0, 0), sigma)[..., None]
    return np.asarray(np.where(weight > 1e-3, total / np.maximum(weight, 1e-3), lab), np.float32)
