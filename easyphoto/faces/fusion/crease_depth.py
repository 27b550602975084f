"""How deep the creases of a face are, and how much of a template's a person has not."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from builtin_model.mesh_indices import BROWS, EYES, NOSE
from easyphoto.domain import Floats
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.geometry import CHIN, FOREHEAD

FINE = 0.0035
"""Radius in face heights: pores are finer than a crease."""
_WIDE = 0.012  # face heights: lines are narrower
_AROUND = 0.02  # face heights round a line over which its brightness is compared
_DARK = 12.0  # gray levels; on darker places noise would look deep
_FLASH = 1.2  # photos of people are lit flatter than templates: creases of one depth look that much shallower
_LEAST, _LEAST_BROAD = 0.2, 0.35  # of the template's depth is always left, as its lines and as all its relief tell
_FRINGE = 2.2  # times as deep as beside the eyes: what looks deeper on a forehead is hair
_SAMPLES = 200  # pixels of skin by which a depth is told
_FOREHEAD_UP = (0.04, 0.2)  # face heights over the brows between which a forehead's furrows are measured
_OVER_BROWS = (70, 63, 105, 66, 107, 9, 336, 296, 334, 293, 300)
"""Mesh points along the brows from temple to temple."""


@dataclass(frozen=True)
class CreaseDepth:
    """Means, as shares of the brightness round them; None where too little skin is seen."""

    eyes: float | None  # of dark lines beside and under the eyes and on the upper cheeks
    forehead: float | None  # of the same on the forehead
    relief: float | None  # of all that is darker there than the face's shape, beside the eyes and on the cheeks


def depth_of(plane: BlendMask, picture: Floats, seen: Floats, broad: Floats) -> CreaseDepth:
    """Where skin is `seen` (H x W, 0..1) in `picture` (RGB 0..255).

    Lines are told by a black hat (closing minus picture), relief by `broad` (H x W, share by which a pixel is darker).
    """
    lines, _ = dark_lines(plane, picture)
    eyes, forehead = ((zone * seen) > 0.5 for zone in (_beside_eyes(plane), _forehead(plane)))
    return CreaseDepth(_mean(lines, eyes), _mean(lines, forehead), _mean(broad, eyes))


def dark_lines(plane: BlendMask, picture: Floats) -> tuple[Floats, Floats]:
    """(depth of lines that are darker than what lies beside them, a share of the brightness there, that brightness)."""
    gray = picture.mean(-1)
    smooth = cv2.GaussianBlur(gray, (0, 0), max(0.8, FINE * plane.height))
    side = 2 * max(1, round(_WIDE * plane.height)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    around = np.maximum(cv2.GaussianBlur(gray, (0, 0), max(0.8, _AROUND * plane.height)), np.float32(_DARK))
    return np.asarray(cv2.morphologyEx(smooth, cv2.MORPH_BLACKHAT, disc) / around, np.float32), around


def foreign_shares(template: CreaseDepth, own: CreaseDepth) -> tuple[float, float]:
    """How much of the template's creases is not the person's `own`, 0..1 (under the brows, over them)."""
    broad = _share(template.relief, own.relief, _LEAST_BROAD)
    under = max(broad, _share(template.eyes, own.eyes, _LEAST))
    if _fringed(template):
        return under, under
    forehead = own.eyes if _fringed(own) else own.forehead
    return under, max(broad, _share(template.forehead, forehead, _LEAST))


def between_brows(plane: BlendMask) -> Floats:
    """(x, y) of the brows' middle."""
    return np.asarray(plane.mesh[[i for brow in BROWS for i in brow], :2].mean(0), np.float32)


def _fringed(depth: CreaseDepth) -> bool:
    """Whether what is seen on the forehead are no furrows."""
    return depth.forehead is None or (depth.eyes is not None and depth.forehead > _FRINGE * depth.eyes)


def _share(depth: float | None, own: float | None, least: float) -> float:
    if own is None or depth is None or _FLASH * own >= depth:
        return 0.0
    return 1 - max(least, _FLASH * own / depth)


def _mean(values: Floats, where: NDArray[np.bool_]) -> float | None:
    return float(values[where].mean()) if where.sum() > _SAMPLES else None


def _forehead(plane: BlendMask) -> Floats:
    up = plane.mesh[FOREHEAD, :2] - plane.mesh[CHIN, :2]
    rim = plane.mesh[list(_OVER_BROWS), :2]
    low, high = (np.float32(share) * up for share in _FOREHEAD_UP)
    return plane.polygon(np.concatenate([rim + low, rim[::-1] + high]))


def _beside_eyes(plane: BlendMask) -> Floats:
    """From the brows to the end of the nose, without it: no beard, fringe or lips come there."""
    face = plane.skin_field() * (1 - plane.below_mouth_line())
    nose = plane.grow(plane.around(NOSE), 0.02)
    eyes = plane.grow(np.maximum(*(plane.polygon(eye) for eye in EYES)), 0.03)
    return np.asarray(face * plane.along(between_brows(plane), 0.02) * (1 - nose) * (1 - eyes), np.float32)
