"""A person's fringe over the brows, told by its strands, and the template's brows that stay under none.

How much of the forehead is bare does not tell: thin hair of skin's color counts as skin, and a fringe that ends over
the brows hides as much of a forehead as one that hangs over them.
"""

from __future__ import annotations

import numpy as np

from builtin_model.mesh_indices import BROWS
from easyphoto.domain import Floats
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.crease_depth import dark_lines
from easyphoto.faces.fusion.relight import soft_light
from easyphoto.faces.geometry import CHIN, FOREHEAD

_OVER_BROWS = ((70, 63, 105, 66, 107), (336, 296, 334, 293, 300))  # upper rim of each brow
_UP = 0.07  # face heights over the brows that are looked at
_BROW = 0.012  # face heights round a brow in which its own hairs lie
_LINES = (0.014, 0.026)  # mean depth of dark lines from which it is perhaps a fringe, and is one; bare skin has .012
_DARK = (0.92, 0.82)  # brightness in the cheeks' from which it is perhaps hair, and is; furrowed foreheads have .9
_HAIR = (0.45, 0.75)  # bounds of the brows' brightness in the skin's beside them
_FAINT = 0.97  # brightness of a brow from which there is none
_CHANGE = (0.7, 1.7)  # bounds of the change of their contrast


def fringe_of(plane: BlendMask, picture: Floats) -> tuple[float, float]:
    """(0..1 whether a fringe hangs over the brows of a person in `picture` (RGB 0..255), its brightness in the skin's).

    It has to be seen over both brows.
    """
    lines, around = dark_lines(plane, picture)
    cheeks = plane.cheeks() > 0.5
    brows = plane.grow(np.maximum(*(plane.around(brow) for brow in BROWS)), _BROW) > 0.5
    up = np.float32(_UP) * (plane.mesh[FOREHEAD, :2] - plane.mesh[CHIN, :2])
    rims = [plane.mesh[list(rim), :2] for rim in _OVER_BROWS]
    places = [(plane.polygon(np.concatenate([rim, rim[::-1] + up])) > 0.5) & ~brows for rim in rims]
    if not cheeks.any() or not all(place.any() for place in places):
        return 0.0, 1.0
    deep = float(np.mean([lines[place].mean() for place in places]))
    dark = [float(np.median(around[place]) / np.median(around[cheeks])) for place in places]
    share = np.interp(deep, _LINES, (0, 1)) * np.interp(-max(dark), [-end for end in _DARK], (0, 1))
    return float(share), float(np.mean(dark))


def with_brows_as_dark_as(plane: BlendMask, picture: Floats, hair: float, share: float) -> Floats:
    """`picture` (RGB 0..255) whose brows stand out from the skin as hair of that brightness does (1 = the skin's).

    Done in part where `share` is less than 1. Template and person do not have hair of one color.
    """
    brows = [plane.around(brow) for brow in BROWS]
    both = np.maximum(*brows)
    skin = plane.grow(both, 4 * _BROW) * (1 - plane.grow(both, _BROW)) * (1 - plane.features())
    low = np.maximum(soft_light(picture, np.asarray(skin, np.float32), max(1.0, 0.05 * plane.height)), 1)
    ratio = np.clip((picture / low).mean(-1, keepdims=True), np.float32(0.02), 1)
    moved = picture
    for brow in brows:
        soft = plane.soft(plane.grow(brow, _BROW), _BROW)[..., None] * np.float32(share)
        moved = moved * ratio ** (soft * (_contrast(ratio[..., 0], brow, hair) - 1))
    return np.asarray(moved, np.float32)


def _contrast(ratio: Floats, brow: Floats, hair: float) -> np.float32:
    """The power of `ratio` (brightness in the skin's) that makes the hairs of that brow as dark as `hair`."""
    inside = brow > 0.5
    usual = float(np.percentile(ratio[inside], 30)) if inside.any() else 1.0  # hairs, not the skin between them
    wanted = np.log(np.clip(hair, *_HAIR)) / np.log(min(usual, _FAINT))
    return np.float32(np.clip(wanted, *_CHANGE))
