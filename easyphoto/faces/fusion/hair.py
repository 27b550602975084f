"""Hair told from skin by its color, its roughness and the hair over the head."""

from __future__ import annotations

import cv2
import numpy as np

from easyphoto.faces.fusion.person_view import Mask, PersonView, color_gap
from easyphoto.faces.fusion.skin_tone import features

_ROUGH = 1.5  # fine contrast, in the skin's own, from which what covers a face is hair and no shadow
_DARK = 60.0  # L* of skin up to which hair is darker than it: what is brighter shines
_LEAST = 0.006  # of the face's box that hair covers at least
_BROW = 0.04  # face widths round features in which lids and lashes lie; twice that beside hair, a brow is under it
_SAMPLES = 30  # pixels of skin by which its color is told
_LOCK = 0.08  # face heights along the rim of the face where a lock comes in


def hair_of(seen: PersonView, sure: Mask, gap: np.ndarray, rough: np.ndarray) -> Mask:
    """bool H x W: what looks more like the matte over the brows, outside the face, than like the face's skin.

    `sure` is plain skin, `gap` the color's distance from it, `rough` the fine contrast in the skin's own.
    """
    y = np.arange(gap.shape[0], dtype=np.float32)[:, None]
    over = y < float(seen.points[:2, 1].mean()) - 0.1 * seen.box.height
    near = np.abs(np.arange(gap.shape[1]) - seen.box.center[0])[None] < 1.0 * seen.box.width
    oval = cv2.dilate(seen.regions.face, np.ones((3, 3), np.uint8)) > 8
    zone = over & near & ~oval & (seen.matte > 200)
    samples = zone & ((gap > 1.2) | (rough > 2))
    if samples.sum() < 0.02 * seen.box.area:
        return np.asarray(samples)
    strict = (1.0, 6.0, 2.0, 2.0)
    hair, skin = color_gap(seen.lab, samples, strict), color_gap(seen.lab, sure, strict)
    alike = (hair < 3.5) & (skin - hair > 1.5 - rough)
    smooth = (rough < 0.95) & (seen.lab[..., 0] > np.median(seen.lab[sure][:, 0]))  # an arm in the sun
    return np.asarray(samples | (alike & ~smooth))


def plain_skin(seen: PersonView) -> Mask:
    """bool H x W: skin inside the face without its features."""
    return np.asarray((np.minimum(seen.regions.skin, seen.regions.face) > 180) & (features(seen.regions) < 64))


def hair_over_face(seen: PersonView) -> Mask:
    """bool H x W: hair inside the face's oval over the mouth, which comes in from outside it: a fringe, a lock.

    Auburn hair in the light has nearly the color of skin, but it is rough, and it goes on outside. The end of a brow
    that lies under it belongs to it.
    """
    sure, inside = plain_skin(seen), seen.regions.face > 128
    if sure.sum() < _SAMPLES:
        return np.zeros(sure.shape, np.bool_)
    gap = color_gap(seen.lab, sure, (0.6, 14.0, 3.0, 3.5))
    rough = seen.rough / max(float(np.median(seen.rough[sure])), 0.6)
    y = np.arange(gap.shape[0], dtype=np.float32)[:, None]
    over = inside & (y < float(seen.points[3:5, 1].mean()))
    usual = float(np.median(seen.lab[sure][:, 0]))
    like = hair_of(seen, sure, gap, rough) & (rough > _ROUGH) & ((seen.lab[..., 0] < usual) | (usual > _DARK))
    beside = ~_grown(features(seen.regions) > 128, seen)  # lids and lashes are dark and rough, too
    found = _coming_in(like & over & beside, inside, (seen.box.area, seen.box.height))
    return np.asarray(found | (_grown(_grown(found, seen), seen) & like & over))


def _grown(mask: Mask, seen: PersonView) -> Mask:
    side = 2 * max(1, round(_BROW * seen.box.width)) + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)


def _coming_in(like: Mask, inside: Mask, box: tuple[float, float]) -> Mask:
    """The pieces of `like` that meet the rim of the face over a lock's width; `box` is its area and height."""
    rim = inside & ~(cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    count, labels = cv2.connectedComponents(like.astype(np.uint8))
    size, contact = (np.bincount(labels[where], minlength=count) for where in (like, like & rim))
    held = (size >= _LEAST * box[0]) & (contact >= _LOCK * box[1])
    held[0] = False
    return np.asarray(held[labels], np.bool_)
