"""A picture bent so that the face in it gets another mesh, and its surroundings give way."""

from __future__ import annotations

import cv2
import numpy as np

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.regions import OVAL
from easyphoto.faces.seam import Plane
from easyphoto.faces.shape import KNOTS
from easyphoto.faces.warp import ThinPlate, grid, sample


def bend_face(picture: Pixels, mesh: Floats, goal: Floats, reach: float) -> tuple[Pixels, Pixels]:
    """(the picture with the face `mesh` brought to `goal`, uint8 mask of 1 where a pixel may have moved).

    Both meshes are (468, 3) in the picture's pixels. Outside `reach` face ovals, and where the mask
    is 0, the picture is unchanged, bit for bit.
    """
    size = (picture.shape[1], picture.shape[0])
    plane = Plane(goal, size)
    rim = goal[list(OVAL), :2]
    outer = rim.mean(0) + (rim - rim.mean(0)) * np.float32(reach)
    still = np.zeros_like(outer)
    bend = ThinPlate(np.r_[goal[KNOTS, :2], outer], np.r_[(mesh - goal)[KNOTS, :2], still])
    fade = _fade(plane.polygon(outer) > 0.99, 0.25 * plane.height * (reach - 1) / 0.7)
    field = grid(size) + bend.field(size, plane.height / 40) * fade[..., None]
    touched = (fade > 0).astype(np.uint8)
    return np.where(touched[..., None] > 0, sample(picture, field), picture), touched


def _fade(inside: np.ndarray, width: float) -> Floats:
    """1 deep inside, falling smoothly to 0 over `width` pixels at the rim; a picture's edge is no rim."""
    framed = np.pad(inside.astype(np.uint8), 1, mode="edge")
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1]
    share = np.clip(depth / max(width, 1.0), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
