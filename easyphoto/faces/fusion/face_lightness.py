"""A fused face as light as the template's skin round it. Pictures are RGB 0..255."""

from __future__ import annotations

import numpy as np

from easyphoto.domain import Floats
from easyphoto.faces.fusion.blend_mask import CHEEKS, BlendMask
from easyphoto.faces.fusion.relight import exposed

FOREHEAD_MIDDLE = (109, 10, 338, 337, 151, 108)
"""Mesh points round the middle of the forehead, from the hairline to between the brows."""
_SEEN = (0.4, 0.6)  # share of a cheek or the forehead that is skin in both pictures, from nothing told to all
_LIT = (30.0, 80.0)  # percentiles of brightness between shadow and shine, as where a tone is measured
_MOST = 0.5  # bound of the change, logarithmic: beyond it the two show no skin at one place


def with_lightness_of(plane: BlendMask, lit: Floats, base: Floats, skin: Floats) -> Floats:
    """`lit` made as light as `base` on evenly lit skin of cheeks and forehead; both show the plane's face.

    Soft light is a mean, which wrinkles, stubble and shadows of either pull away from what one calls its tone.
    `skin` (H x W, 0..1) is where both show skin. As it is where neither a cheek nor the forehead is seen.
    """
    weights = np.zeros(skin.shape, np.float32)
    for part in (*CHEEKS, FOREHEAD_MIDDLE):
        inside = plane.around(part) > 0.5
        seen = inside & (skin > 0.5)
        weight = float(np.interp(seen.sum() / max(1, inside.sum()), _SEEN, (0, 1)))
        weights[seen] = np.maximum(weights[seen], np.float32(weight))
    strength = float(weights.max())
    if strength == 0:
        return lit
    return exposed(lit, _gain(_brightness(lit, weights), _brightness(base, weights)) ** strength)


def _gain(own: float, wanted: float) -> float:
    """What `exposed` has to be given so that `own` becomes `wanted`, both in gray levels."""
    change = np.log(wanted / own) if wanted < own else np.log(wanted * (255 - own) / (own * (255 - wanted)))
    return float(np.exp(np.clip(change, -_MOST, _MOST)))


def _brightness(picture: Floats, weights: Floats) -> float:
    """Of what is neither in shadow nor shines, in gray levels; a pixel counts by its weight."""
    values, shares = picture[weights > 0].mean(-1), weights[weights > 0]
    order = np.argsort(values)
    values, shares = values[order], shares[order]
    places = (np.cumsum(shares) - shares / 2) / shares.sum()
    middle = sum(_LIT) / 200  # the median between two percentiles lies in their middle
    return float(np.clip(np.interp(middle, places, values), 1, 254))
