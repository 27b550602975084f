"""A picture bent so that the face in it gets another mesh, and its surroundings give way."""

from __future__ import annotations

import cv2
import numpy as np

from builtin_model.mesh_indices import OVAL
from easyphoto.domain import Floats, Pixels
from easyphoto.faces.builtin.face_parsing import CropWindow
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.face_shape import KNOTS
from easyphoto.faces.fusion.thin_plate import ThinPlate, grid, sample
from easyphoto.faces.geometry import box_of

_BAND = 256  # rows that are bent at a time: memory stays flat for large pictures


def warp_face(
    picture: Pixels, mesh: Floats, goal: Floats, reach: float, stiffness: float = 1e-4
) -> tuple[Pixels, Pixels]:
    """(the picture with the face `mesh` brought to `goal`, uint8 mask of 1 where a pixel may have moved).

    Both meshes are (468, 3) in the picture's pixels. Outside `reach` face ovals, and where the mask
    is 0, the picture is unchanged, bit for bit. With more `stiffness` the picture follows less
    exactly and more smoothly.
    """
    rim = goal[list(OVAL), :2]
    outer = rim.mean(0) + (rim - rim.mean(0)) * np.float32(reach)
    window = CropWindow.round_face(box_of(outer), (picture.shape[1], picture.shape[0]), 1.02)
    corner = np.array([window.left, window.top], np.float32)
    part = window.cut(picture)
    plane = BlendMask(goal - np.append(corner, np.float32(0)), (part.shape[1], part.shape[0]))
    moved = (mesh - goal)[KNOTS, :2]
    bend = ThinPlate(np.r_[plane.mesh[KNOTS, :2], outer - corner], np.r_[moved, np.zeros_like(outer)], stiffness)
    fade = _fade(plane.polygon(outer - corner) > 0.99, 0.25 * plane.height * (reach - 1) / 0.7)
    lattice, bent = bend.lattice(plane.size, plane.height / 40), picture.copy()
    for top in range(0, len(part), _BAND):
        rows = range(top, min(top + _BAND, len(part)))
        share = fade[rows.start : rows.stop, :, None]
        moved_rows = sample(part, grid(plane.size[0], rows) + lattice.rows(rows.start, rows.stop) * share)
        inside = part[rows.start : rows.stop]
        window.cut(bent)[rows.start : rows.stop] = np.where(share > 0, moved_rows, inside)
    return bent, window.laid((fade > 0).astype(np.uint8), (picture.shape[1], picture.shape[0]))


def _fade(inside: np.ndarray, width: float) -> Floats:
    """1 deep inside, falling smoothly to 0 over `width` pixels at the rim; the part's edge is no rim."""
    framed = np.pad(inside.astype(np.uint8), 1, mode="edge")
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1]
    share = np.clip(depth / max(width, 1.0), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
