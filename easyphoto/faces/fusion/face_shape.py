"""A person's 3-D face shape brought into a template's pose (numpy only).

A mesh is float32 (468, 3) in the MediaPipe topology: x and y in pixels of its picture, z in the
same unit, smaller is nearer to the camera.
"""

from __future__ import annotations

import numpy as np

from builtin_model.mesh_indices import BROWS, EYES, LIPS, NOSE, OVAL
from easyphoto.domain import Floats
from easyphoto.faces.geometry import CHIN, FOREHEAD, MOUTH_LEFT, MOUTH_RIGHT, NOSE_TIP, mesh_axes, umeyama_3d

KNOTS = sorted({*range(0, 468, 3), *OVAL, *LIPS, *NOSE, *(i for part in (*EYES, *BROWS) for i in part)})
"""Mesh points that carry a warp: every feature, and a third of the rest."""


def posed(mesh: Floats, pose_of: Floats) -> Floats:
    """`mesh` with its own shape, but turned, scaled and placed as `pose_of` is."""
    scale, turn, shift = umeyama_3d(mesh, pose_of)
    return np.asarray(scale * mesh @ turn.T + shift, np.float32)


def frontal(mesh: Floats) -> Floats:
    """The mesh turned to the camera, its face height 1, centred on 0."""
    height = np.linalg.norm(mesh[CHIN] - mesh[FOREHEAD])
    return np.asarray((mesh - mesh.mean(0)) @ mesh_axes(mesh) / max(float(height), 1e-6), np.float32)


def rim_distance(mesh: Floats) -> Floats:
    """(468,) distance of each point to the face oval in face heights, 0 on the oval, seen from the front."""
    flat = frontal(mesh)[:, :2]
    rim = flat[list(OVAL)]
    edges = np.roll(rim, -1, axis=0) - rim
    offset = flat[:, None] - rim[None]
    along = np.clip((offset * edges).sum(-1) / np.maximum((edges**2).sum(-1), 1e-12), 0, 1)
    nearest = np.linalg.norm(offset - along[..., None] * edges, axis=-1)
    return np.asarray(nearest.min(1), np.float32)


def rim_shares(mesh: Floats, jaw: float, ears: float) -> Floats:
    """(468,) `jaw` for points at and under the mouth's height, `ears` for those over the nose's tip, even between."""
    height = frontal(mesh)[:, 1]
    nose, mouth = height[NOSE_TIP], height[[MOUTH_LEFT, MOUTH_RIGHT]].mean()
    low = np.clip((height - nose) / max(float(mouth - nose), 1e-6), 0, 1)
    return np.asarray(ears + (jaw - ears) * low, np.float32)


def between(template: Floats, person: Floats, rim_share: Floats | float, inner_share: float) -> Floats:
    """A mesh that is `person` by `inner_share` well inside the face and by `rim_share` on its oval, else `template`."""
    depth = np.clip(rim_distance(template) / 0.12, 0, 1)
    share = rim_share + (inner_share - rim_share) * depth * depth * (3 - 2 * depth)
    return np.asarray(template + (person - template) * share[:, None], np.float32)
