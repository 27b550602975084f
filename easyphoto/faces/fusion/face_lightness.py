"""A fused face as light as the template's skin round it. Pictures are RGB 0..255."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from easyphoto.domain import Floats
from easyphoto.faces.fusion.blend_mask import CHEEKS, BlendMask
from easyphoto.faces.fusion.relight import exposed

FOREHEAD_MIDDLE = (109, 10, 338, 337, 151, 108)
"""Mesh points round the middle of the forehead, from the hairline to between the brows."""
_SEEN = 0.4  # of a cheek or the forehead is skin in both pictures, or it tells nothing
_LIT = (30.0, 80.0)  # percentiles of brightness between shadow and shine, as where a tone is measured
_MOST = 0.5  # bound of the change, logarithmic: beyond it the two show no skin at one place


def with_lightness_of(plane: BlendMask, lit: Floats, base: Floats, skin: Floats) -> Floats:
    """`lit` made as light as `base` on evenly lit skin of cheeks and forehead; both show the plane's face.

    Soft light is a mean, which wrinkles, stubble and shadows of either pull away from what one calls its tone.
    `skin` (H x W, 0..1) is where both show skin. As it is where neither a cheek nor the forehead is seen.
    """
    where = np.zeros(skin.shape, np.bool_)
    for part in (*CHEEKS, FOREHEAD_MIDDLE):
        inside = plane.around(part) > 0.5
        seen = inside & (skin > 0.5)
        if seen.sum() > _SEEN * inside.sum():
            where |= seen
    return exposed(lit, _gain(_brightness(lit, where), _brightness(base, where))) if where.any() else lit


def _gain(own: float, wanted: float) -> float:
    """What `exposed` has to be given so that `own` becomes `wanted`, both in gray levels."""
    change = np.log(wanted / own) if wanted < own else np.log(wanted * (255 - own) / (own * (255 - wanted)))
    return float(np.exp(np.clip(change, -_MOST, _MOST)))


def _brightness(picture: Floats, where: NDArray[np.bool_]) -> float:
    """Of what is neither in shadow nor shines, in gray levels."""
    values = picture[where].mean(-1)
    low, high = np.percentile(values, _LIT)
    return float(np.clip(np.median(values[(values >= low) & (values <= high)]), 1, 254))
