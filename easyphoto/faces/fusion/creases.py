"""Creases of the template's skin, which stays on forehead and neck, no deeper than the person's own."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from builtin_model.mesh_indices import OVAL
from easyphoto.domain import Floats, Pixels
from easyphoto.faces.base import FusionSource
from easyphoto.faces.builtin.face_parsing import hull
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.crease_depth import FINE, CreaseDepth, between_brows, depth_of, foreign_shares
from easyphoto.faces.fusion.face_crop import face_part
from easyphoto.faces.fusion.folds import with_folds
from easyphoto.faces.fusion.relight import LOOSE, is_gray, skin_share, soft_light
from easyphoto.faces.geometry import CHIN, FOREHEAD

LAID = 86
"""In a mask of fusion: what has changed, is no part of the face, and is still to be laid in whole."""
_BROAD = 0.04  # radius in face heights: the face's shape is broader
_PORES = 2.5  # times the usual fine contrast: what stands out more is the sharp bottom of a crease
_FOLD = 0.02  # half of a fold's width in face heights
_RIM = 0.012  # face heights beside hair and clothes where skin keeps its relief, which is theirs
_ABOVE, _NECK = 0.12, 0.5  # face heights over the oval and under it where skin of this face is


@dataclass(frozen=True, eq=False)
class Creases:
    """What of a picture lies between pores and shape, and how deep it is."""

    relief: Floats  # H x W x 3, gray levels, 0 where no skin is
    depth: CreaseDepth
    forehead: Floats  # H x W, 1 over the brows and 0 under them


def creases_of(plane: BlendMask, picture: Floats, without: Pixels | None = None) -> Creases:
    """Of a face; `picture` is RGB 0..255, `without` (uint8 mask) what is no skin, as a frame of glasses."""
    skin = skin_share(picture, plane.cheeks(), plane.height, LOOSE)
    if without is None or not without.any():  # a frame is as dark and thin, and its lens encloses as much
        skin = with_folds(plane, skin, picture)
    closed = plane.grow(plane.grow(skin, _FOLD), -_FOLD)  # what lies in a deep fold is too dark for skin
    skin = np.maximum(skin, closed) * (1 - plane.soft(plane.features(), 0.006))
    if without is not None:
        closed, skin = (one * (plane.grow(without.astype(np.float32), 0.01) < 16) for one in (closed, skin))
    skin = plane.soft(plane.grow(skin * _reach(plane, is_gray(picture)), -_RIM), _RIM / 2)
    low = soft_light(picture, skin + np.float32(1e-4), max(1.0, _BROAD * plane.height))
    relief = _relief(plane, picture, low)
    broad = np.maximum(-relief.mean(-1), 0) / np.maximum(low.mean(-1), 1)
    depth = depth_of(plane, picture, closed, np.asarray(broad, np.float32))
    over = 1 - plane.along(between_brows(plane), 0.04)
    return Creases(relief * skin[..., None], depth, np.asarray(over, np.float32))


def crease_depth(source: FusionSource, without: Floats | None = None) -> CreaseDepth:
    """`Creases.depth` of a photo whose face has a mesh; `without` (its H x W, 0..1) is a frame of glasses."""
    assert source.face.mesh is not None
    part, plane, window = face_part(source.picture, source.face.mesh)
    frame = None if without is None else np.asarray(255 * window.cut(without), np.uint8)
    return creases_of(plane, part.astype(np.float32), frame).depth


def lessened(picture: Pixels, creases: Creases, own: CreaseDepth, ratio: float = 1.0) -> tuple[Pixels, Pixels]:
    """(`picture` with its `creases` no deeper than those of the person, uint8 mask that is not 0 where it changed).

    `own` is the depth in the person's photo, `ratio` 0..1 how far to go. As it is where either depth is unknown.
    """
    under, over = foreign_shares(creases.depth, own)
    if under == over == 0:
        return picture, np.zeros(picture.shape[:2], np.uint8)
    share = np.asarray(ratio * (under + (over - under) * creases.forehead), np.float32)
    change = np.rint(share[..., None] * creases.relief)
    moved = np.asarray(np.clip(picture - change, 0, 255), np.uint8)
    return moved, np.where((change != 0).any(-1), np.uint8(LAID), np.uint8(0))


def _relief(plane: BlendMask, picture: Floats, low: Floats) -> Floats:
    """What is broader than pores and finer than the shape `low`, with the sharp bottoms of creases."""
    middle = cv2.GaussianBlur(picture, (0, 0), max(0.8, FINE * plane.height))
    fine = picture - middle
    plain = np.abs(fine[plane.cheeks() > 0.5])
    usual = _PORES * 1.4826 * (np.median(plain) if plain.size else 0)
    return np.asarray(middle - low + fine - np.clip(fine, -usual, usual), np.float32)


def _reach(plane: BlendMask, gray: bool) -> Floats:
    """1 on the face up to its hair and on its neck; in black and white, where walls look like skin, on the face."""
    rim = plane.mesh[list(OVAL), :2]
    if gray:
        return plane.polygon(rim)
    down = plane.mesh[CHIN, :2] - plane.mesh[FOREHEAD, :2]
    whole = np.concatenate([rim - np.float32(_ABOVE) * down, rim + np.float32(_NECK) * down])
    return plane.polygon(np.asarray(hull(whole), np.float32))
