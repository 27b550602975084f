"""Creases of the template's skin, which stays on forehead and neck, no deeper than the person's own."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from builtin_model.mesh_indices import BROWS, EYES, NOSE, OVAL
from easyphoto.domain import Floats, Pixels
from easyphoto.faces.base import FusionSource
from easyphoto.faces.builtin.face_parsing import hull
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.face_crop import face_part
from easyphoto.faces.fusion.relight import LOOSE, is_gray, skin_share, soft_light
from easyphoto.faces.geometry import CHIN, FOREHEAD

LAID = 86
"""In a mask of fusion: what has changed, is no part of the face, and is still to be laid in whole."""
_FINE, _BROAD = 0.0035, 0.04  # radii in face heights: pores are finer than a crease, the face's shape is broader
_FOLD = 0.02  # half of a fold's width in face heights
_FLASH = 1.2  # photos of people are lit flatter than templates: creases of one depth look that much shallower
_LEAST = 0.35  # of the template's depth is always left
_RIM = 0.012  # face heights beside hair and clothes where skin keeps its relief, which is theirs
_ABOVE, _NECK = 0.12, 0.5  # face heights over the oval and under it where skin of this face is
_SAMPLES = 200  # pixels of skin by which a depth is told


@dataclass(frozen=True, eq=False)
class Creases:
    """What of a picture lies between pores and shape, and how deep it is beside the eyes and on the upper cheeks."""

    relief: Floats  # H x W x 3, gray levels, 0 where no skin is
    depth: float | None  # mean share of the brightness; None where too little skin is seen


def creases_of(plane: BlendMask, picture: Floats, without: Pixels | None = None) -> Creases:
    """Of a face; `picture` is RGB 0..255, `without` (uint8 mask) what is not to be measured, as a frame of glasses."""
    skin = skin_share(picture, plane.cheeks(), plane.height, LOOSE)
    features = plane.features()
    closed = plane.grow(plane.grow(skin, _FOLD), -_FOLD)  # what lies in a deep fold is too dark for skin
    skin = np.maximum(skin, closed * (1 - plane.grow(features, _FOLD))) * (1 - plane.soft(features, 0.01))
    skin = plane.soft(plane.grow(skin * _reach(plane, is_gray(picture)), -_RIM), _RIM / 2)
    sigma = max(1.0, _BROAD * plane.height)
    low = soft_light(picture, skin + np.float32(1e-4), sigma)
    relief = (cv2.GaussianBlur(picture, (0, 0), max(0.8, _FINE * plane.height)) - low) * skin[..., None]
    where = _measured(plane) * skin
    seen = (where if without is None else where * (without < 16)) > 0.5
    if seen.sum() < _SAMPLES:
        return Creases(relief, None)
    share = np.maximum(-relief[seen].mean(-1), 0) / np.maximum(low[seen].mean(-1), 1)
    return Creases(relief, float(share.mean()))


def crease_depth(source: FusionSource) -> float | None:
    """`Creases.depth` of a photo whose face has a mesh."""
    assert source.face.mesh is not None
    part, plane, _ = face_part(source.picture, source.face.mesh)
    return creases_of(plane, part.astype(np.float32)).depth


def lessened(picture: Pixels, creases: Creases, own: float | None, ratio: float = 1.0) -> tuple[Pixels, Pixels]:
    """(`picture` with its `creases` no deeper than those of the person, uint8 mask that is not 0 where it changed).

    `own` is the depth in the person's photo, `ratio` 0..1 how far to go. As it is where either depth is unknown.
    """
    unchanged = np.zeros(picture.shape[:2], np.uint8)
    if own is None or creases.depth is None or _FLASH * own >= creases.depth:
        return picture, unchanged
    share = ratio * (1 - max(_LEAST, _FLASH * own / creases.depth))
    change = np.rint(share * creases.relief)
    moved = np.asarray(np.clip(picture - change, 0, 255), np.uint8)
    return moved, np.where((change != 0).any(-1), np.uint8(LAID), unchanged)


def _reach(plane: BlendMask, gray: bool) -> Floats:
    """1 on the face up to its hair and on its neck; in black and white, where walls look like skin, on the face."""
    rim = plane.mesh[list(OVAL), :2]
    if gray:
        return plane.polygon(rim)
    down = plane.mesh[CHIN, :2] - plane.mesh[FOREHEAD, :2]
    whole = np.concatenate([rim - np.float32(_ABOVE) * down, rim + np.float32(_NECK) * down])
    return plane.polygon(np.asarray(hull(whole), np.float32))


def _measured(plane: BlendMask) -> Floats:
    """From the brows to the end of the nose, without it: no beard, fringe or lips come there."""
    face = plane.skin_field() * (1 - plane.below_mouth_line())
    brows = plane.mesh[[i for brow in BROWS for i in brow], :2].mean(0)
    nose = plane.grow(plane.around(NOSE), 0.02)
    eyes = plane.grow(np.maximum(*(plane.polygon(eye) for eye in EYES)), 0.03)
    return np.asarray(face * plane.along(brows, 0.02) * (1 - nose) * (1 - eyes), np.float32)
