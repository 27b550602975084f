"""Smoother skin by frequency separation: blemishes go; pores, features and colour stay."""

from __future__ import annotations

import cv2
import numpy as np

from easyphoto.domain import Floats, Pixels
from easyphoto.images.color import lab_to_rgb, rgb_to_lab

_FINE, _COARSE = 0.006, 0.03  # of the face's width: texture is finer than the first, form coarser than the second
_STRONG = np.array([8.0, 7.0, 7.0], np.float32)  # L*, a*, b*: what stands out more is a feature, not a blemish
_WORKING_WIDTH = 240.0  # of the face; what is finer there is texture anyway


def smooth_skin(picture: Pixels, skin: Pixels, face_width: float, ratio: float) -> Pixels:
    """`picture` with blemishes on `skin` (uint8 H x W) lessened by `ratio` 0..1.

    Mean lightness and colour of the skin stay as they are: it neither whitens nor warms. Pixels where the mask is 0
    are the picture's own.
    """
    ratio = float(np.clip(ratio, 0.0, 1.0))
    if ratio == 0 or not skin.any():
        return picture.copy()
    h, w = skin.shape
    zoom = min(1.0, _WORKING_WIDTH / max(face_width, 1.0))
    size = (max(1, round(w * zoom)), max(1, round(h * zoom)))
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    share = np.asarray(cv2.resize(skin, size, interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)
    change = cv2.resize(_change(small, share, face_width * zoom, ratio), (w, h), interpolation=cv2.INTER_LINEAR)
    smooth = np.asarray(cv2.add(picture, change, dtype=cv2.CV_8U), np.uint8)
    return np.asarray(cv2.copyTo(smooth, skin, picture.copy()), np.uint8)


def _change(picture: Pixels, share: Floats, face_width: float, ratio: float) -> Floats:
    """What to add to the RGB values: minus the band between texture and form, its mean over the skin kept at 0."""
    lab, share = rgb_to_lab(picture), share[..., None]
    between = _blurred(lab, share, _FINE * face_width) - _blurred(lab, share, _COARSE * face_width)
    change = -ratio * share * between * np.exp(-((between / _STRONG) ** 2))
    change -= share * (change.sum((0, 1)) / max(float(share.sum()), 1e-6))
    return np.asarray(lab_to_rgb(lab + change).astype(np.float32) - lab_to_rgb(lab), np.float32)


def _blurred(lab: Floats, share: Floats, sigma: float) -> Floats:
    """Gaussian mean over skin alone, so that hair and background do not bleed in."""
    sigma = max(sigma, 0.3)
    total = cv2.GaussianBlur(lab * share, (0, 0), sigma)
    weight = cv2.GaussianBlur(share, (0, 0), sigma)[..., None]
    return np.asarray(np.where(weight > 1e-3, total / np.maximum(weight, 1e-3), lab), np.float32)
