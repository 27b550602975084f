"""The forehead of a template whose skin was made much lighter, in light that such skin has.

On dark skin most of what one sees as light is shine, a few times as bright as the skin beside it. Light skin shines
as much, which is little beside its own light: dark and bright bands would be left on it up to the hairline.
"""

from __future__ import annotations

import cv2
import numpy as np

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.builtin.face_parsing import hull
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.geometry import CHIN, FOREHEAD
from easyphoto.images.color import lab_to_rgb, linear_to_srgb, srgb_to_linear
from easyphoto.images.masks import extent

_OVER_BROWS = (70, 63, 105, 66, 107, 9, 336, 296, 334, 293, 300, 251, 284, 332, 297, 338, 10, 109, 67, 103, 54, 21)
"""Mesh points along the upper rim of the brows and from temple to temple over the forehead."""
_UP = 0.16  # face heights over the mesh's forehead up to which hair begins
_BROAD = 0.02  # face heights: wrinkles are finer, and stay
_EDGE = 0.03  # face heights over which it fades into temples and brows
_FROM, _FULL = 0.3, 1.0  # change of tone, logarithmic, from which and at which the most is taken off
_KEPT = 0.35  # of the forehead's contrast then, chosen by eye on four templates
_APART = 0.3  # logarithmic: a forehead further from the tone than this lies in a shadow, as of a hat, and stays in it


def with_even_forehead(picture: Pixels, mesh: Floats, share: Floats, tones: tuple[Floats, Floats]) -> Pixels:
    """`picture`, whose skin under `share` (H x W, 0..1) was brought from the first of `tones` to the second.

    Both are (3,) L*a*b*; `mesh` is (468, 3) in the picture's pixels. As it is where skin became darker.
    """
    own, wanted = (np.maximum(srgb_to_linear(lab_to_rgb(tone[None])[0]), np.float32(1e-3)) for tone in tones)
    strength = float(np.clip((np.log(wanted.mean() / own.mean()) - _FROM) / (_FULL - _FROM), 0, 1))
    zone = _forehead(mesh, share)
    if strength == 0 or not (zone > 0.5).any():
        return picture
    here = extent(zone)
    light, weight = srgb_to_linear(picture[here]), share[here]
    broad = _broad_light(light, weight, _BROAD * BlendMask(mesh, (1, 1)).height)
    usual = np.log(wanted)  # channel by channel: what is left of white shine would be gray
    apart = float(np.median((broad - usual).mean(-1)[zone[here] > 0.5]))
    level = usual + np.float32(np.clip(apart, -_APART, _APART))
    change = strength * (_KEPT - 1) * (broad - level) * zone[here][..., None]
    out = picture.copy()
    out[here] = linear_to_srgb(np.asarray(light * np.exp(change), np.float32))
    return out


def _forehead(mesh: Floats, share: Floats) -> Floats:
    """H x W, 0..1: skin from the brows to the hairline."""
    plane = BlendMask(mesh, (share.shape[1], share.shape[0]))
    up = (mesh[FOREHEAD, :2] - mesh[CHIN, :2]) * np.float32(_UP)
    rim = mesh[list(_OVER_BROWS), :2]
    over = rim[11:] + up
    whole = plane.polygon(np.asarray(hull(np.concatenate([rim, over])), np.float32))
    return np.asarray(plane.soft(plane.grow(whole, -_EDGE), _EDGE) * share, np.float32)


def _broad_light(light: Floats, weight: Floats, sigma: float) -> Floats:
    """The logarithm of `light` (H x W x 3) blurred over what `weight` counts."""
    total = np.maximum(cv2.GaussianBlur(weight, (0, 0), max(0.8, sigma)), np.float32(1e-3))[..., None]
    mean = cv2.GaussianBlur(light * weight[..., None], (0, 0), max(0.8, sigma)) / total
    return np.asarray(np.log(np.maximum(mean, 1e-3)), np.float32)
