"""Boxes, points, angles and alignment in plain numpy.

Points are (n, 2) or (n, 3) rows of x, y(, z): x to the right, y down, z away from the viewer.
A 2 x 3 matrix maps column vectors (x, y, 1); angles are in degrees, clockwise as the viewer sees them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easyphoto.domain import Box, Face, Floats, Pose

Array = NDArray[np.float64]

LEFT_EYE = (33, 133, 159, 145, 158, 153)  # eye on the picture's left: corners and lids
RIGHT_EYE = (263, 362, 386, 374, 385, 380)
NOSE_TIP, MOUTH_LEFT, MOUTH_RIGHT = 1, 61, 291
FOREHEAD, CHIN = 10, 152
_SIDES = ((33, 263), (133, 362), (61, 291), (234, 454), (127, 356), (132, 361))

PITCH_OFFSET = -9.0
"""Degrees that `pose_from_mesh` subtracts: what the mesh frame reads for a level look (median of 203 photos)."""


def transform_points(matrix: ArrayLike, points: ArrayLike) -> Array:
    """(n, 2) points through a 2 x 3 matrix."""
    m, p = np.asarray(matrix, np.float64), np.asarray(points, np.float64)
    return np.asarray(p @ m[:, :2].T + m[:, 2])


def invert(matrix: ArrayLike) -> Array:
    """The 2 x 3 matrix that undoes `matrix`. Raises numpy.linalg.LinAlgError where there is none."""
    m = np.asarray(matrix, np.float64)
    linear = np.linalg.inv(m[:, :2])
    return np.hstack([linear, -linear @ m[:, 2:]])


def compose(second: ArrayLike, first: ArrayLike) -> Array:
    """The 2 x 3 matrix that does `first`, then `second`."""
    a, b = np.asarray(second, np.float64), np.asarray(first, np.float64)
    linear = a[:, :2] @ b[:, :2]
    return np.hstack([linear, a[:, :2] @ b[:, 2:] + a[:, 2:]])


def scale_of(matrix: ArrayLike) -> float:
    """Linear magnification of a 2 x 3 matrix: square root of the area ratio."""
    return float(np.sqrt(abs(np.linalg.det(np.asarray(matrix, np.float64)[:, :2]))))


def umeyama(src: ArrayLike, dst: ArrayLike) -> tuple[float, Array, Array]:
    """Scale s, rotation R (d, d), shift t (d,) with dst ~ s R src + t in least squares, never a mirror image.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991.
    Raises ValueError where shapes differ or src is a single point repeated.
    """
    from skimage.transform import estimate_transform

    a, b = np.asarray(src, np.float64), np.asarray(dst, np.float64)
    if a.shape != b.shape or a.ndim != 2 or len(a) < 2:
        raise ValueError(f"need two equal lists of at least two points, got {a.shape} and {b.shape}")
    if np.ptp(a, axis=0).max() <= 1e-6:
        raise ValueError("all source points are the same")
    found = estimate_transform("similarity", a, b)
    dims = a.shape[1]
    return float(found.scale), found.params[:dims, :dims] / found.scale, found.params[:dims, dims]


def umeyama_3d(src: ArrayLike, dst: ArrayLike) -> tuple[float, Array, Array]:
    """Scale, rotation (3, 3), shift (3,) that bring (n, 3) `src` nearest to `dst`; see `umeyama`."""
    return umeyama(np.asarray(src, np.float64)[:, :3], np.asarray(dst, np.float64)[:, :3])


def similarity_transform(src: ArrayLike, dst: ArrayLike) -> Array:
    """The 2 x 3 matrix (turn, equal scale, shift) that brings (n, 2) `src` nearest to `dst`; see `umeyama`."""
    s, R, t = umeyama(np.asarray(src, np.float64)[:, :2], np.asarray(dst, np.float64)[:, :2])
    return np.hstack([s * R, t[:, None]])


def square_crop(center: ArrayLike, side: float, angle: float, size: int) -> Array:
    """The 2 x 3 matrix picture -> size x size crop of a square of `side` pixels turned by `angle` degrees.

    The square's upright axis becomes the crop's: a face with roll = angle stands level in it.
    """
    turn, zoom = np.deg2rad(-angle), size / side
    c, s = np.cos(turn) * zoom, np.sin(turn) * zoom
    linear = np.array([[c, -s], [s, c]])
    shift = size / 2 - linear @ np.asarray(center, np.float64)
    return np.hstack([linear, shift[:, None]])


def roll_of(left: ArrayLike, right: ArrayLike) -> float:
    """Degrees by which the line left -> right is turned clockwise from level."""
    x, y = (np.asarray(right, np.float64) - np.asarray(left, np.float64))[:2]
    return float(np.rad2deg(np.arctan2(y, x)))


def box_of(points: ArrayLike) -> Box:
    """The smallest upright box round the points."""
    p = np.asarray(points, np.float64)[:, :2]
    (left, top), (right, bottom) = p.min(0), p.max(0)
    return Box(float(left), float(top), float(right), float(bottom))


def square_of(box: Box, ratio: float = 1.0) -> Box:
    """The square about the box's centre, its side `ratio` times the longer one."""
    (x, y), half = box.center, max(box.width, box.height) * ratio / 2
    return Box(x - half, y - half, x + half, y + half)


def left_to_right(faces: Iterable[Face]) -> list[Face]:
    """Sorted by box centre; the order every list of faces has."""
    return sorted(faces, key=lambda face: face.box.center)


def five_points(mesh: ArrayLike) -> NDArray[np.float32]:
    """(5, 2) eye on the picture's left, eye on its right, nose tip, mouth corners of a (468, 3) mesh."""
    m = np.asarray(mesh, np.float64)[:, :2]
    rows = [m[list(LEFT_EYE)].mean(0), m[list(RIGHT_EYE)].mean(0), m[NOSE_TIP], m[MOUTH_LEFT], m[MOUTH_RIGHT]]
    return np.asarray(rows, np.float32)


def mesh_axes(mesh: ArrayLike) -> Array:
    """Rotation (3, 3) of a (468, 3) mesh: columns are the face's right-in-picture, down and backward directions."""
    m = np.asarray(mesh, np.float64)
    x = np.sum([m[right] - m[left] for left, right in _SIDES], axis=0)
    x /= np.linalg.norm(x)
    y = m[CHIN] - m[FOREHEAD]
    y -= x * (x @ y)
    y /= np.linalg.norm(y)
    return np.column_stack([x, y, np.cross(x, y)])


def pose_of(rotation: ArrayLike) -> Pose:
    """Angles of a rotation = turn by roll after yaw after pitch, signs as in `Pose`."""
    R = np.asarray(rotation, np.float64)
    yaw = np.arcsin(np.clip(R[2, 0], -1.0, 1.0))
    pitch = np.arctan2(-R[2, 1], R[2, 2])
    roll = np.arctan2(R[1, 0], R[0, 0])
    return Pose(*(float(v) for v in np.rad2deg([yaw, pitch, roll])))


def rotation_of(pose: Pose) -> Array:
    """The rotation (3, 3) that `pose_of` reads as `pose`."""
    yaw, pitch, roll = np.deg2rad([pose.yaw, pose.pitch, pose.roll])
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    about_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    return np.asarray(about_z @ about_y @ about_x)


def pose_from_mesh(mesh: ArrayLike) -> Pose:
    """Head angles of a (468, 3) mesh, the mesh frame's own pitch taken off."""
    raw = pose_of(mesh_axes(mesh))
    return Pose(raw.yaw, raw.pitch - PITCH_OFFSET, raw.roll)


def pose_gap(one: Pose, other: Pose) -> float:
    """Degrees between two looks, roll left out: a flat turn is mended by alignment."""
    a = rotation_of(Pose(one.yaw, one.pitch, 0.0))[:, 2]
    b = rotation_of(Pose(other.yaw, other.pitch, 0.0))[:, 2]
    return float(np.rad2deg(np.arccos(np.clip(a @ b, -1.0, 1.0))))


def moved(face: Face, scale: float, offset: tuple[float, float]) -> Face:
    """The face after its picture was scaled and then shifted by `offset` (x, y) pixels."""
    return replace(
        face,
        box=moved_box(face.box, scale, offset),
        points=_moved(face.points, scale, offset),
        mesh=None if face.mesh is None else _moved(face.mesh, scale, offset),
    )


def moved_box(box: Box, scale: float, offset: tuple[float, float]) -> Box:
    """Scaled about the origin, then shifted."""
    x, y = offset
    return Box(box.left * scale + x, box.top * scale + y, box.right * scale + x, box.bottom * scale + y)


def _moved(points: Floats, scale: float, offset: tuple[float, float]) -> Floats:
    """Points (n, 2) or (n, 3); depth scales but does not shift."""
    shift = np.zeros(points.shape[1], np.float32)
    shift[:2] = offset
    return np.asarray(points * np.float32(scale) + shift, np.float32)
