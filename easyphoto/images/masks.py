"""Masks: grow, shrink, feather inside a limit, and blending that leaves the rest bit-identical.

Radii are pixels; callers compute them from the face's width, never from the picture.
"""

from __future__ import annotations

import numpy as np

from easyphoto.domain import Floats, Pixels


def weights(mask: Floats | Pixels) -> Floats:
    """The mask as float32 0..1; uint8 is divided by 255, floats are clipped."""
    if mask.dtype == np.uint8:
        return np.asarray(np.divide(mask, 255, dtype=np.float32))
    return np.asarray(np.clip(mask, 0, 1), dtype=np.float32)


def _disc(px: float) -> Pixels:
    """A round structuring element of that radius."""
    radius = round(px)
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(x * x + y * y <= (radius + 0.5) ** 2, dtype=np.uint8)


def grow(mask: Pixels, px: float) -> Pixels:
    """Dilated by a disc of radius `px` (rounded); 0 gives a copy, a negative radius shrinks."""
    import cv2

    if round(px) <= 0:
        return shrink(mask, -px) if round(px) < 0 else mask.copy()
    return np.asarray(cv2.dilate(mask, _disc(px)), dtype=np.uint8)


def shrink(mask: Pixels, px: float) -> Pixels:
    """Eroded by a disc of radius `px` (rounded); the picture's edge does not erode."""
    import cv2

    if round(px) <= 0:
        return grow(mask, -px) if round(px) < 0 else mask.copy()
    return np.asarray(cv2.erode(mask, _disc(px)), dtype=np.uint8)


def feather(mask: Pixels, radius: float, limit: Pixels | None = None) -> Pixels:
    """The mask with a soft edge that never leaves `limit` (default: the mask itself).

    What lies nearer than `radius` to the limit's edge is cut first, then a Gaussian with a reach
    of `radius` (sigma = radius / 2) makes the slope; so the result is exactly 0 wherever the
    limit is. Parts of the limit narrower than 2 x radius vanish. The picture's edge is no edge.
    """
    import cv2

    limit = mask if limit is None else limit
    reach = round(radius)
    if reach <= 0:
        return np.minimum(mask, limit)
    side = 2 * reach + 1
    inner = np.minimum(mask, cv2.erode(limit, np.ones((side, side), np.uint8)))
    soft = cv2.GaussianBlur(inner, (side, side), reach / 2, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft, dtype=np.uint8)


def blend(base: Pixels, top: Pixels, mask: Pixels | Floats) -> Pixels:
    """base x (1 - mask) + top x mask, rounded; exactly `base` where mask is 0, exactly `top` where it is 255 (1.0)."""
    soft = mask if mask.dtype == np.uint8 else np.rint(weights(mask) * 255).astype(np.uint8)
    share = soft.astype(np.uint16)[..., None] if base.ndim == 3 else soft.astype(np.uint16)
    mixed = (base * (255 - share) + top * share + 127) // 255  # at most 255 * 255 + 127: fits 16 bits
    return np.asarray(mixed, dtype=np.uint8)


def multiband_blend(base: Pixels, top: Pixels, mask: Pixels, levels: int = 4) -> Pixels:
    """Burt and Adelson 1983: coarse bands mix over a wide seam, fine ones over a narrow seam.

    Pixels where the mask is 0 are the base's own, bit for bit.
    """
    import cv2

    levels = min(levels, max(0, int(np.log2(min(base.shape[:2]))) - 2))
    low, high, soft = base.astype(np.float32), top.astype(np.float32), weights(mask)
    bands: list[Floats] = []
    for _ in range(levels):
        size = (low.shape[1], low.shape[0])
        small_low, small_high, small_soft = cv2.pyrDown(low), cv2.pyrDown(high), cv2.pyrDown(soft)
        bands.append(_mix(low - cv2.pyrUp(small_low, dstsize=size), high - cv2.pyrUp(small_high, dstsize=size), soft))
        low, high, soft = small_low, small_high, small_soft
    mixed = _mix(low, high, soft)
    for band in reversed(bands):
        mixed = cv2.pyrUp(mixed, dstsize=(band.shape[1], band.shape[0])) + band
    result = np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)
    return np.where((mask > 0)[..., None], result, base)


def _mix(low: Floats, high: Floats, soft: Floats) -> Floats:
    """The plain blend of one band, float32."""
    return np.asarray(low + (high - low) * soft[..., None], dtype=np.float32)
