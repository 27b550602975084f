"""The template's glasses: found by the dark outline of their frame and kept whole, before the person's face."""

from __future__ import annotations

import cv2
import numpy as np

from builtin_model.mesh_indices import BROWS, EYES
from easyphoto.domain import Floats, Pixels
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.wear import Glasses
from easyphoto.images.masks import extent

_BRIDGE = (168, 6, 193, 417, 122, 351, 197)
_BELOW_EYES = (117, 118, 119, 120, 100, 346, 347, 348, 349, 329, 116, 345, 143, 372, 50, 101, 36, 280, 330, 266)
_LENSES = ((117, 118, 119, 120, 230, 229, 228), (346, 347, 348, 349, 450, 449, 448))  # right under each eye
_NOSE_END = (98, 97, 2, 326, 327, 48, 278, 4, 1, 5)  # tip and wings
_UNDER = ((230, 50, 101, 117, 100), (450, 280, 330, 346, 329))  # from the lower lid to the cheek
_OUTSIDE = (-0.2, 1.2)  # how far a frame reaches at least, 0 and 1 being the eyes' middles
_THICKEST = 0.035  # of a frame, in face heights
_DARKER = 10.0  # LAB lightness by which a frame is darker than what lies beside it, at least
_TRACED = 0.9  # of that holds two lines together: a rim of the skin's color is hardly darker than skin
_FRAME = 24.0  # the same over the nose where a frame has the color of skin; creases of old faces reach 22
_COLORED = 0.75  # chroma of a line, in the skin's, up to which it is a frame however pale; creases have skin's
_GRAY = 4.0  # chroma of skin in a black-and-white picture
_LENS_SKIN, _LENS_DARK = 0.3, 0.6  # share of skin under the eyes, and their lightness over the cheeks
_BESIDE = 0.04  # face heights round the nose's end where no frame is
_EDGE = 0.003  # softness in face heights
_TRACE = 0.006  # face heights beside a frame where it still darkens the skin


def glasses_of(plane: BlendMask, picture: Floats, skin: Floats) -> Glasses:
    """Of a face; `picture` is RGB 0..255, `skin` its share of skin 0..1.

    Dark lines thinner than a frame are found by a black hat (closing minus picture); those that hang together with one
    on the bridge of the nose are the frame, unless they are creases. Behind dark lenses is no skin under the eyes.
    """
    lab = cv2.cvtColor(np.clip(picture, 0, 255) / np.float32(255), cv2.COLOR_RGB2LAB)
    lightness = lab[..., 0]
    side = 2 * max(2, round(_THICKEST * plane.height)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    darker = cv2.morphologyEx(lightness, cv2.MORPH_BLACKHAT, disc)
    line = darker > _DARKER
    band = plane.grow(plane.around(*EYES, _BELOW_EYES), 0.075) > 0.5
    eyes = plane.grow(np.maximum(*(plane.polygon(eye) for eye in EYES)), 0.03) > 0.5
    dark = _dark_lenses(plane, lightness, skin)
    place = band if dark else band & ~eyes
    whole = _dark_parts(plane, lightness, skin) | (line & band) if dark else line & place
    bridge = plane.grow(plane.around(_BRIDGE), 0.01) > 0.5
    worn = connected(whole, whole | (darker > _TRACED * _DARKER) & place, bridge).astype(np.float32)
    creases = not dark and _is_creases(lab, darker, (worn > 0) & line, (bridge, plane.cheeks() > 0.5))
    if creases or not _spans_both_eyes(plane, worn):
        return Glasses(np.zeros_like(skin), worn=False, dark=False)
    if dark:  # glints on the lenses
        worn = plane.grow(plane.grow(worn, 0.04), -0.04)
    else:  # the nose's shadow hangs together with a frame on it
        worn = worn * (plane.grow(plane.around(_NOSE_END), _BESIDE) < 0.5)
    return Glasses(plane.soft(plane.grow(worn, 0.004), _EDGE), worn=True, dark=dark)


def without_frame(picture: Pixels, mask: Floats, face_height: float) -> Pixels:
    """`picture` with the skin round the frame under `mask` drawn over it (Telea 2004): another one comes there.

    Thin frames go without a trace, thick ones leave soft patches.
    """
    frame = np.asarray(mask > 0.05, np.uint8)
    here = extent(frame)
    reach = max(1, round(_TRACE * face_height))
    grown = cv2.dilate(frame[here], np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    result = picture.copy()
    result[here] = cv2.inpaint(np.ascontiguousarray(picture[here]), grown, 2.0 * reach, cv2.INPAINT_TELEA)
    return result


def _is_creases(lab: Floats, darker: Floats, lines: np.ndarray, places: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether `lines` are folds of skin: of its color, and shallow over the nose; `places`: bridge and cheeks."""
    bridge, cheeks = places
    if not (lines & bridge).any() or not cheeks.any():
        return True
    chroma = np.linalg.norm(lab[..., 1:], axis=-1)
    skin = float(np.median(chroma[cheeks]))
    colored = skin < _GRAY or float(np.median(chroma[lines])) > _COLORED * skin
    return colored and float(np.percentile(darker[lines & bridge], 75)) < _FRAME


def _dark_lenses(plane: BlendMask, lightness: Floats, skin: Floats) -> bool:
    """Whether the places under both eyes are much darker than the cheeks, and no skin."""
    cheeks = _cheeks(plane, lightness)
    lenses = [plane.around(lens) > 0.5 for lens in _LENSES]
    return all(
        bool(lens.any()) and skin[lens].mean() < _LENS_SKIN and float(np.median(lightness[lens])) < _LENS_DARK * cheeks
        for lens in lenses
    )


def _dark_parts(plane: BlendMask, lightness: Floats, skin: Floats) -> np.ndarray:
    """Where lenses are, if they are dark: from the brows to under the eyes, without the nose and its shadow."""
    around = plane.grow(plane.around(*EYES, *BROWS, _BELOW_EYES), 0.06) > 0.5
    nose = plane.grow(plane.around(_NOSE_END), 0.03) > 0.5
    return (lightness < _LENS_DARK * _cheeks(plane, lightness)) & (skin < _LENS_SKIN) & around & ~nose


def _cheeks(plane: BlendMask, lightness: Floats) -> float:
    """Lightness of skin under the glasses."""
    return float(np.median(lightness[plane.cheeks() > 0.5]))


def _spans_both_eyes(plane: BlendMask, mask: Floats) -> bool:
    """Whether the mask reaches from beyond one eye's middle to beyond the other's and lies under both."""
    rows, columns = np.nonzero(mask > 0.5)
    if not len(rows):
        return False
    left, right = (plane.mesh[list(eye), :2].mean(0) for eye in EYES)
    across = (right - left) / max(float(((right - left) ** 2).sum()), 1e-6)
    along = (columns - left[0]) * across[0] + (rows - left[1]) * across[1]
    under = all(mask[plane.around(lens) > 0.5].any() for lens in _UNDER)
    return under and along.min() < _OUTSIDE[0] and along.max() > _OUTSIDE[1]


def connected(mask: np.ndarray, through: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """What of `mask` hangs together with its part in `seed` through the larger mask `through` (hysteresis)."""
    _, labels = cv2.connectedComponents(through.astype(np.uint8), connectivity=8)
    hit = np.unique(labels[seed & mask])
    return np.asarray(np.isin(labels, hit[hit > 0]) & mask)
