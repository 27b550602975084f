"""Skin whose light departs from the face's: in the shade of the hair, or burnt out by the sun.

Its color is no longer the face's, but light changes smoothly where skin is bent, and by a step where it ends.
"""

from __future__ import annotations

import cv2
import numpy as np

from easyphoto.domain import Floats
from easyphoto.faces.fusion.person_view import Mask, PersonView

_STEP = 3.2  # L*a*b* from pixel to pixel of the small picture; outlines of hair and clothes have 5 and more
_SMOOTH = 1.6  # fine contrast in the face's own; hair has 2 and more
_DARK = 45.0  # L* of skin up to which shaded skin is told from hair; gray hair is as light as lighter skin
_SHADE = 0.5  # of the skin's lightness at least: black hair beside a dark forehead has less
_PALE = 0.8  # share of the skin's chroma at most, where sun or sky burns its color out
_BURNT = -3.0  # L* over the skin's at least
_SKY = (-4.0, -8.0)  # least a* and b* of it: what is greener or bluer is cloth
_MATTE = 150  # of 255: a burnt shoulder before a white street is half lost to the matte
_FOREHEAD = (0.12, 0.3, 0.62)  # heights over the eyes and over the box, widths aside, where hair shades skin
_SHOULDER = 0.15  # heights under the chin from which it is: pale hair lies over it
_LEAST = 0.01  # of the face's width squared; less is a pendant or a glint
_REACH = 0.45  # face widths that burnt skin goes on from skin that is seen


def in_uneven_light(seen: PersonView, sure: Mask, skin: Mask) -> Mask:
    """What hangs together with `skin` and is as smooth; `sure` is the face's plainest. Without `skin` itself."""
    usual = np.median(seen.lab[sure], axis=0)
    rough = seen.rough / max(float(np.median(seen.rough[sure])), 0.6)
    even = cv2.morphologyEx((_steps(seen.lab) < _STEP).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    calm = even & (seen.matte > _MATTE) & ~skin
    shaded = calm & _over_brows(seen) & (rough < _SMOOTH) & (seen.lab[..., 0] > _SHADE * usual[0])
    shaded &= usual[0] < _DARK
    burnt = calm & _burnt(seen, usual) & _over(skin, round(_REACH * seen.box.width))
    least = _LEAST * seen.box.width**2
    return _touching(shaded, skin, least) | _touching(burnt, skin, least)


def _steps(lab: Floats) -> Floats:
    """By how much the color changes from pixel to pixel."""
    across, down = (cv2.Sobel(lab, cv2.CV_32F, *way, ksize=1, scale=0.5) for way in ((1, 0), (0, 1)))
    return np.asarray(np.sqrt((across**2 + down**2).sum(-1)), np.float32)


def _over_brows(seen: PersonView) -> Mask:
    over_eyes, over_box, aside = _FOREHEAD
    y, x = np.ogrid[: seen.lab.shape[0], : seen.lab.shape[1]]
    brows = float(seen.points[:2, 1].mean()) - over_eyes * seen.box.height
    within = (y < brows) & (y > seen.box.top - over_box * seen.box.height)
    return np.asarray(within & (np.abs(x - seen.box.center[0]) < aside * seen.box.width))


def _burnt(seen: PersonView, usual: Floats) -> Mask:
    y = np.arange(seen.lab.shape[0])[:, None]
    lightness, a, b = (seen.lab[..., i] for i in range(3))
    pale = np.hypot(a, b) < _PALE * np.hypot(*usual[1:])
    below = y > seen.box.bottom + _SHOULDER * seen.box.height
    return np.asarray(below & (lightness > usual[0] + _BURNT) & pale & (a > _SKY[0]) & (b > _SKY[1]))


def _over(skin: Mask, reach: int) -> Mask:
    """What lies up to `reach` pixels over `skin`: the sun burns out its upper side, and a neckline lies under it."""
    column = np.ones((reach + 1, 1), np.uint8)
    return np.asarray(cv2.dilate(skin.astype(np.uint8), column, anchor=(0, 0)) > 0)


def _touching(mask: Mask, skin: Mask, least: float) -> Mask:
    """The connected pieces of `mask` beside `skin` that have at least so many pixels."""
    beside = cv2.dilate(skin.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    held = np.unique(labels[beside & mask])
    return np.isin(labels, held[stats[held, cv2.CC_STAT_AREA] >= least])
