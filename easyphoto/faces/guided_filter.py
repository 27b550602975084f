"""The guided filter: smooths one picture along the edges of another (He, Sun and Tang, PAMI 2013)."""

from __future__ import annotations

import cv2
import numpy as np

from easyphoto.domain import Floats, Pixels


def luma(picture: Pixels) -> Floats:
    """H x W brightness 0..1 of an RGB picture (Rec. 601)."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32) / np.float32(255)


def guided_filter(guide: Floats, values: Floats, radius: int, softness: float, working_side: int = 0) -> Floats:
    """`values` (H x W float32) smoothed over `radius` pixels wherever `guide` (same size, 0..1) is smooth.

    `softness` is the guide's variance that still counts as flat. With `working_side` the linear model is fitted on
    pictures shrunk to that longer side and applied to the full guide ("Fast guided filter", 2015).
    """
    h, w = guide.shape
    ratio = min(1.0, working_side / max(h, w)) if working_side else 1.0
    small = (max(1, round(w * ratio)), max(1, round(h * ratio)))
    gain, offset = _model(_sized(guide, small), _sized(values, small), max(1, round(radius * ratio)), softness)
    return np.asarray(_sized(gain, (w, h)) * guide + _sized(offset, (w, h)), np.float32)


def _model(guide: Floats, values: Floats, radius: int, softness: float) -> tuple[Floats, Floats]:
    """Gain and offset at each pixel, both averaged over all windows that hold it."""
    mean_g, mean_v = _mean(guide, radius), _mean(values, radius)
    variance = _mean(np.square(guide), radius) - np.square(mean_g)
    gain = np.asarray((_mean(guide * values, radius) - mean_g * mean_v) / (variance + softness), np.float32)
    return _mean(gain, radius), _mean(np.asarray(mean_v - gain * mean_g, np.float32), radius)


def _mean(values: Floats, radius: int) -> Floats:
    side = 2 * radius + 1
    return np.asarray(cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT_101), np.float32)


def _sized(values: Floats, size: tuple[int, int]) -> Floats:
    if values.shape == (size[1], size[0]):
        return values
    shrinks = size[0] < values.shape[1]
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))
