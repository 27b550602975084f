"""Folds of the template's skin told from its hair: beside the eyes and on the forehead both are dark, rough lines."""

from __future__ import annotations

import cv2
import numpy as np

from builtin_model.mesh_indices import OVAL
from easyphoto.domain import Floats
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.relight import LOOSE, skin_share

_WIDE = 0.015  # face heights: folds are narrower
_LINK = 0.01  # half of a link's width in face heights by which no fold hangs together with hair
_RIM = 0.02  # face heights inside the oval that are left out: cheeks end there in a shadow that links all others
_LOCK = 0.1  # share of the face's rim that a lock of hair takes where it comes in; laughing lines have .06


def with_folds(plane: BlendMask, skin: Floats, picture: Floats) -> Floats:
    """`skin` (H x W, 0..1) of the face in `picture` (RGB 0..255) with the folds of its upper half taken in.

    A fold is skin again once its dark lines are closed (a morphological closing), and skin lies all round it; hair
    over a temple or a forehead reaches in from outside the face. Beards and mouths are left to others.
    """
    side = 2 * max(1, round(_WIDE * plane.height)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    closed = np.asarray(cv2.morphologyEx(picture, cv2.MORPH_CLOSE, disc), np.float32)
    alike = skin_share(closed, plane.cheeks(), plane.height, LOOSE)
    inside = np.asarray(alike * _enclosed(plane, skin) * (1 - plane.below_mouth_line()), np.float32)
    return np.maximum(skin, plane.soft(inside, _LINK / 2))


def _enclosed(plane: BlendMask, skin: Floats) -> Floats:
    """H x W, 0 or 1: the pieces of what is no `skin` that hardly reach the rim of the face."""
    inside = plane.grow(plane.polygon(OVAL), -_RIM) > 0.5
    rim = inside & (plane.grow(inside.astype(np.float32), -_LINK) < 0.5)
    holes = ((plane.grow(skin, _LINK) < 0.5) & inside).astype(np.uint8)
    count, labels = cv2.connectedComponents(holes)
    contact = np.bincount(labels[rim], minlength=count) / max(1, rim.sum())
    kept = (contact <= _LOCK)[labels] & (holes > 0)
    return plane.grow(kept.astype(np.float32), 3 * _LINK)
