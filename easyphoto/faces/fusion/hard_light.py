"""The shading of a template at a smaller radius than its soft light. Pictures are RGB 0..255."""

from __future__ import annotations

import numpy as np

from easyphoto.domain import Floats
from easyphoto.faces.fusion.blend_mask import CHEEKS, BlendMask
from easyphoto.faces.fusion.relight import exposed, soft_light

_SOFT, _HARD = 0.15, 0.45  # log of the ratio of both cheeks' light up to which light is soft, and from which hard
_LEAST = 0.6  # of the template's shading in soft light
_FINE = 0.085  # of the face's height: creases are finer, a lit and a dark side broader
_MOST = 0.7  # bound of the change, logarithmic


def with_shading_of(plane: BlendMask, lit: Floats, base: Floats) -> Floats:
    """`lit` with as much of a lit and a dark side as `base` has, in soft light with a part; both show the plane's face.

    Both are compared over the oval without features, at one radius; finer shapes stay the person's own.
    """
    weight = plane.skin_field()
    sigma = _FINE * plane.height
    theirs, own = (np.log(soft_light(one, weight, sigma).mean(-1) + 4) for one in (base, lit))
    hard = max(_LEAST, hardness(plane, np.asarray(theirs, np.float32)))
    change = np.clip(theirs - own, -_MOST, _MOST)
    inside = plane.soft(plane.grow(weight, 0.05), 0.03)
    return exposed(lit, np.asarray(np.exp(hard * change * inside)[..., None], np.float32))


def hardness(plane: BlendMask, light: Floats) -> float:
    """0 in soft light to 1 in hard side light, by the logarithmic `light` (H x W) of both cheeks."""
    left, right = (float(light[plane.around(cheek) > 0.5].mean()) for cheek in CHEEKS)
    return float(np.clip((abs(left - right) - _SOFT) / (_HARD - _SOFT), 0, 1))
