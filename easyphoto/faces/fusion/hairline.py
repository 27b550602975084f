"""The rim of a skin mask: the last of the same skin, and skin under thin hair, mixed with it in one pixel."""

from __future__ import annotations

import cv2
import numpy as np

from easyphoto.domain import Floats, Pixels
from easyphoto.images.color import rgb_to_lab
from easyphoto.images.masks import extent

_SAME = (12.0, 5.0, 6.0)  # L*, a*, b* by which skin differs from the skin beside it; linen and hair differ by more
_COARSE = 5.0  # pixels of a Gaussian's radius that show no steps when it is enlarged
_RIM = (14.0, 7.0, 8.0)  # L*, a*, b* by which skin may differ there from the skin beside it
_RIM_DARKER = (24.0, 14.0, 16.0)  # where it becomes much darker: lit hair may too, a glowing rim would show


def with_hairline(part: Pixels, share: Floats, reach: float, darker: bool) -> Floats:
    """`share` (H x W, 0..1) grown by up to `reach` pixels over what has nearly the color of the skin beside it.

    Skin that shines through thin hair, or lies on the mask's soft edge, would stay as a rim of the template's tone.
    """
    return _grown(part, share, reach, _RIM_DARKER if darker else _RIM)


def with_same_skin(part: Pixels, share: Floats, reach: float) -> Floats:
    """`share` (H x W, 0..1) grown by up to `reach` pixels over what has the very color of the skin beside it.

    Where skin was looked for in a small picture, the last of it before hair and clothes is missing.
    """
    return _grown(part, share, reach, _SAME)


def _grown(part: Pixels, share: Floats, reach: float, tolerance: tuple[float, float, float]) -> Floats:
    solid = (share > 0.9).astype(np.uint8)
    away = cv2.distanceTransform(1 - solid, cv2.DIST_L2, 3)
    rim = (away > 0) & (away < reach)
    if not rim.any() or not solid.any():
        return share
    here = extent(away < reach)
    light = np.asarray(part[here], np.float32)
    weight = solid[here].astype(np.float32)
    beside = _mean_beside(light, weight, reach)
    lab, usual = (rgb_to_lab(np.clip(one, 0, 255).astype(np.uint8)) for one in (light, beside))
    gap = np.linalg.norm((lab - usual) / np.array(tolerance, np.float32), axis=-1)
    near = np.clip(2 * (1 - away[here] / reach), 0, 1) * np.clip(2 - gap, 0, 1) * rim[here]
    grown = share.copy()
    grown[here] = np.maximum(share[here], near)
    return grown


def _mean_beside(light: Floats, weight: Floats, sigma: float) -> Floats:
    """The Gaussian mean of `light` (H x W x 3) over what `weight` counts, found in small: it has no fine detail."""
    shrink = max(1.0, sigma / _COARSE)
    size = (max(1, round(weight.shape[1] / shrink)), max(1, round(weight.shape[0] / shrink)))
    both = np.dstack([light * weight[..., None], weight])
    near = cv2.GaussianBlur(cv2.resize(both, size, interpolation=cv2.INTER_AREA), (0, 0), sigma / shrink)
    mean = near[..., :3] / np.maximum(near[..., 3:], np.float32(1e-3))
    return np.asarray(cv2.resize(mean, weight.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)
