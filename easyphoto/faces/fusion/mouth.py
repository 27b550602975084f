"""The template's laugh on a face that does not laugh: lips drawn apart as the template's, its teeth between them."""

from __future__ import annotations

import numpy as np

from builtin_model.mesh_indices import INNER_MOUTH, LIPS
from easyphoto.domain import Floats, Pixels
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.relight import clean_teeth
from easyphoto.faces.geometry import MOUTH_LEFT, MOUTH_RIGHT

_SHARE = 0.7  # of the way from the person's closed lips to the template's open ones
_REACH, _FULL = 0.85, 0.5  # mouth widths from its middle: where nothing moves, and up to where everything does
_FLAT = 0.8  # height of that ellipse, its width being 1
_EDGE = 0.004  # softness of the inner lips' edge in face heights


def with_mouth_of(goal: Floats, template: Floats) -> Floats:
    """The mesh `goal` with its mouth opened as that of `template`; both (468, 3) in the same pixels and pose."""
    lips = template[[*LIPS, *INNER_MOUTH], :2]
    width = max(float(np.linalg.norm(template[MOUTH_LEFT, :2] - template[MOUTH_RIGHT, :2])), 1e-6)
    off = (template[:, :2] - lips.mean(0)) / np.array([1.0, _FLAT], np.float32) / np.float32(width)
    near = np.clip((_REACH - np.linalg.norm(off, axis=1)) / (_REACH - _FULL), 0, 1)
    share = _SHARE * near * near * (3 - 2 * near)
    return np.asarray(goal + (template - goal) * share[:, None], np.float32)


def with_teeth_of(painted: Pixels, template: Pixels, plane: BlendMask) -> Pixels:
    """`painted` with what `template` shows between the lips; both are uint8 of the plane's size with its mesh.

    Colored light of the template has left its skin when it got the person's tone, so it leaves the teeth as well.
    """
    inside = plane.soft(plane.grow(plane.polygon(INNER_MOUTH), _EDGE), _EDGE)
    teeth = clean_teeth(template.astype(np.float32), inside)
    return np.asarray(np.rint(painted + (teeth - painted) * inside[..., None]), np.uint8)
