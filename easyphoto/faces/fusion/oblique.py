"""Where a photo saw the face so obliquely that turning it smears a few pixels over a cheek."""

from __future__ import annotations

import numpy as np

from builtin_model.mesh_indices import EYES, LIPS, NOSE
from easyphoto.domain import Floats
from easyphoto.faces.fusion.blend_mask import BlendMask

_INNER = (50, 280, 199, 151)  # cheeks, chin, forehead: what lies between was seen as straight as anything
_SMEARED, _CLEAR = 0.3, 0.6  # pixels of the photo to one pixel of the portrait, 1 = as in the middle of the face


def directly_seen(field: Floats, plane: BlendMask) -> Floats:
    """H x W, 0 where the photo is stretched to a smear or folded over, 1 where it is not; features are always 1.

    `field` (H, W, 2) holds the photo's x, y for every pixel of the plane. The measure is its Jacobian's smaller
    singular value over the usual scale; a negative determinant is a fold.
    """
    down, right = np.gradient(field, axis=0), np.gradient(field, axis=1)
    a, b, d = (right**2).sum(-1), (right * down).sum(-1), (down**2).sum(-1)
    least = np.sqrt(np.maximum((a + d) / 2 - np.sqrt(((a - d) / 2) ** 2 + b**2), 0))
    area = right[..., 0] * down[..., 1] - right[..., 1] * down[..., 0]
    inner = plane.around(_INNER) > 0.5
    usual = np.sqrt(max(float(np.median(area[inner])), 1e-6)) if inner.any() else 1.0
    scale = np.where(area > 0, least / usual, 0)
    share = plane.soft(np.clip((scale - _SMEARED) / (_CLEAR - _SMEARED), 0, 1).astype(np.float32), 0.01)
    features = plane.soft(plane.grow(plane.around(*EYES, NOSE, LIPS), 0.02), 0.015)
    return np.maximum(share, features)
