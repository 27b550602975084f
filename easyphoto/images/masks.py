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


def extent(mask: Pixels | Floats) -> tuple[slice, slice]:
    """Rows and columns of the smallest upright rectangle that holds all of the mask that is not 0; empty for none."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _near(solid: Pixels, px: int) -> Pixels:
    """255 within a disc of radius `px` about the pixels of `solid` that are not 0; the time does not depend on `px`."""
    import cv2

    away = cv2.distanceTransform((solid == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.where((away <= px + 0.5) & bool(solid.any()), 255, 0).astype(np.uint8)


def grow(mask: Pixels, px: float) -> Pixels:
    """Dilated by a disc of radius `px` (rounded); 0 gives a copy, a negative radius shrinks.

    The mask is taken as solid: 128 and more is 255, less is 0. The cost is linear in the pixels for every radius.
    """
    radius = round(px)
    if radius == 0:
        return mask.copy()
    return _near(_solid(mask), radius) if radius > 0 else shrink(mask, -px)


def shrink(mask: Pixels, px: float) -> Pixels:
    """Eroded by a disc of radius `px` (rounded); the picture's edge does not erode. Solid as in `grow`."""
    radius = round(px)
    if radius == 0:
        return mask.copy()
    return np.asarray(255 - _near(255 - _solid(mask), radius), np.uint8) if radius > 0 else grow(mask, -px)


def _solid(mask: Pixels) -> Pixels:
    return np.where(mask >= 128, 255, 0).astype(np.uint8)


_WORKING_REACH = 16  # pixels; a wider slope is blurred on a picture made smaller


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
    height, width = mask.shape
    side = 2 * reach + 1
    inner = np.minimum(mask, cv2.erode(limit, np.ones((side, side), np.uint8)))
    coarse = max(1, reach // _WORKING_REACH)
    if coarse > 1:
        inner = cv2.resize(inner, (max(1, width // coarse), max(1, height // coarse)), interpolation=cv2.INTER_AREA)
    side = 2 * round(reach / coarse) + 1
    soft = cv2.GaussianBlur(inner, (side, side), reach / coarse / 2, borderType=cv2.BORDER_REPLICATE)
    if coarse > 1:
        soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
        soft[limit == 0] = 0
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
