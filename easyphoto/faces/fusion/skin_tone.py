"""The tone of a face's skin, and skin of one tone brought to another.

Tones are (3,) float32 CIE L*a*b* (D65) of evenly lit skin; pictures are uint8 RGB, masks float32 H x W of 0..1.
"""

from __future__ import annotations

import cv2
import numpy as np

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.base import FaceRegions
from easyphoto.faces.builtin.face_parsing import hull, paint
from easyphoto.faces.fusion.blend_mask import CHEEKS
from easyphoto.faces.fusion.face_lightness import FOREHEAD_MIDDLE
from easyphoto.faces.skin_locus import lab_to_lch, lch_to_lab
from easyphoto.images.color import lab_to_rgb, linear_to_srgb, rgb_to_lab, srgb_to_linear
from easyphoto.images.masks import extent

_LIT = (30.0, 80.0)  # percentiles of lightness between shadow and shine
_LEAST = 30  # pixels of skin that make a tone
_SEEN = 0.4  # of a cheek or the forehead is skin, or it is covered
_BROW_HAIR = 0.4  # the rest is the skin between the hairs, which would glow in a face that has darkened
_GRAY = 4.0  # chroma under which a picture is black and white
_USUAL_HUE = 54.0  # degrees, of skin in neutral light
_USUAL_CHROMA = ((50.0, 66.0, 80.0), (24.0, 22.0, 15.0))  # of it, by L*
_LIGHT_KEPT = 0.5  # how much of the departure from them is the template's colored light, and stays
_SHINE_KEPT = 0.45  # of the light that skin reflects as a mirror, whatever its tone; more is a gray patch on dark skin
_MIRRORED = 0.6  # of what is brighter than light skin's tone is shine that has its color, seen where it becomes dark
_FLATTER = 0.32  # how much of its contrast skin loses each time its light is made e times stronger
_FLATTER_LIT = 0.5  # the same where it is brighter than its tone
_PURER = 0.9  # and how much of its colored spots, at a change by e to darker
_PURER_LIT = 1.0  # and to lighter, where they would glow
_EVEN_FROM = 0.3  # change of tone, logarithmic, from which lightened skin keeps the order of its light in full
_SMOOTHER = 0.6  # how much of its fine contrast skin loses at a change by e to lighter: pores shine, and shine stays
_SPOT = 0.5  # bound of a spot's color, logarithmic
_WARM = (0.08, 0.15)  # logarithmic: how much purer and redder than its tone skin may be before it counts as a cast,
_WARM_KEPT = 0.4  # and how much of what is beyond stays: ears and necks in shadow glow orange
_APART = 0.004  # squared sine between skin's color and white under which shine is not told from skin
_DIM = ((20.0, 32.0), (0.5, 0.0))  # by the template's L*: what is darker than skin can be is in dim light, and stays so
_SHOULDER = 0.55  # linear light above which lightened skin approaches white slowly


def skin_tone(picture: Pixels, regions: FaceRegions, mesh: Floats) -> Floats | None:
    """The tone of one face's evenly lit skin; None where too little of it is seen.

    The median of both cheeks and the forehead: a beard is darker, a forehead may shine, one cheek lie in shadow. That
    of the whole face where hair leaves none of them. `mesh` (468, 3) is in the picture's pixels.
    """
    inner = (np.minimum(regions.skin, regions.face) > 200) & (features(regions) < 32)
    size = (inner.shape[1], inner.shape[0])
    plain = [paint([hull(mesh[list(part), :2])], size) > 127 for part in (*CHEEKS, FOREHEAD_MIDDLE)]
    seen = [tone for part in plain if (tone := _lit_tone(picture, inner & part, _SEEN * part.sum())) is not None]
    return np.asarray(np.median(seen, axis=0), np.float32) if seen else _lit_tone(picture, inner, 0)


def _lit_tone(picture: Pixels, where: np.ndarray, least: float) -> Floats | None:
    """The tone under the mask between shadow and shine; None where it has less than `least` pixels or too few."""
    if where.sum() < max(least, _LEAST):
        return None
    samples = rgb_to_lab(picture[where])
    low, high = np.percentile(samples[:, 0], _LIT)
    lit = (samples[:, 0] >= low) & (samples[:, 0] <= high)
    return np.asarray(np.median(samples[lit], axis=0), np.float32)


def features(regions: FaceRegions) -> Pixels:
    """Eyes, brows and lips in one mask."""
    return np.asarray(np.maximum(np.maximum(regions.eyes, regions.lips), regions.brows))


def in_light_of(wanted: Floats, own: Floats) -> Floats:
    """The tone `wanted` as it looks in the light that shows the template's skin as `own`.

    A template whose skin is more orange or bluer than skin can be is lit in that color, and keeps half of it; one
    in black and white keeps its gray. One darker than skin can be is in dim light, and the person is dim in it too.
    """
    lightness, chroma, hue = lab_to_lch(own)
    goal, goal_chroma, goal_hue = lab_to_lch(wanted)
    lightness = goal - float(np.interp(lightness, *_DIM)) * max(0.0, goal - lightness)
    if chroma < _GRAY:
        return np.array([lightness, own[1], own[2]], np.float32)
    usual = float(np.interp(own[0], *_USUAL_CHROMA))
    length = goal_chroma + _LIGHT_KEPT * (chroma - usual)
    return lch_to_lab(lightness, max(_GRAY, length), goal_hue + _LIGHT_KEPT * (hue - _USUAL_HUE))


def without_brows(share: Floats, brows: Pixels, tones: tuple[Floats, Floats]) -> Floats:
    """`share` of skin with less of the brows, whose hairs must not become light as skin does.

    Where skin becomes darker they may: light brows would lie on it like bars.
    """
    own, wanted = tones
    return share if wanted[0] < own[0] else share * (1 - brows * np.float32(_BROW_HAIR / 255))


def retoned(picture: Pixels, share: Floats, tones: tuple[Floats, Floats], radius: float) -> Pixels:
    """`picture` with the skin under `share` brought from the first of `tones` to the second; other pixels stay.

    A gain in linear light: albedo changes, light and texture stay. Shine, which skin of every tone reflects alike, is
    parted from it by the dichromatic model (Shafer 1985) on the picture blurred by `radius` pixels.
    """
    if not share.any():
        return picture
    part = extent(share)
    light, inside = srgb_to_linear(picture[part]), share[part][..., None]
    base = _skin_light(light, inside, max(0.8, radius))
    own, wanted = (_light_of(tone) for tone in tones)
    fine = np.exp(-_SMOOTHER * max(0.0, float(np.log(wanted.mean() / own.mean()))))
    goal = np.clip(base + fine * (light - base), 0, 1) * _gain(base, own, wanted)
    moved = linear_to_srgb(light + (goal - light) * inside)
    out = picture.copy()
    out[part] = np.where(inside > 0, moved, picture[part])
    return out


def _skin_light(light: Floats, inside: Floats, sigma: float) -> Floats:
    """`light` blurred by `sigma` pixels over skin alone: a bright wall beside a dark cheek would keep its rim dark."""
    weight = np.asarray(inside + np.float32(1e-3), np.float32)
    total = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    return np.asarray(cv2.GaussianBlur(light * weight, (0, 0), sigma) / total, np.float32)


def _gain(base: Floats, own: Floats, wanted: Floats) -> Floats:
    """H x W x 3: by what the linear light of each pixel is multiplied."""
    step = float(np.log(wanted.mean() / own.mean()))
    shine = np.maximum(_shine(base, own), _mirrored(base, own, step))[..., None]
    beyond = np.log(np.maximum(base - shine, 1e-4) / own)  # of each pixel, against the tone
    light = beyond.mean(-1, keepdims=True)
    spots = _less_warm(np.clip(beyond - light, -_SPOT, _SPOT), wanted) * np.exp(
        -(_PURER_LIT if step > 0 else _PURER) * abs(step)
    )
    spots = spots * np.clip(np.exp(light) / 0.3, 0, 1)  # dark pixels hold more noise than color
    spots = spots * np.clip(1 - shine / np.maximum(base.mean(-1, keepdims=True), 1e-4), 0, 1)  # and shine hides it
    tint = 0.6 + 0.4 * wanted / wanted.mean()  # skin scatters some of what it mirrors; plain white looks like ash
    goal = wanted * np.exp(_flatness(light, step) * light + spots)
    if step > 0:
        goal = _in_order(goal + _SHINE_KEPT * tint * shine, base, (own, wanted))
        return np.asarray(_rolled_off(goal, wanted) / np.maximum(base, 1e-4), np.float32)
    return np.asarray((_rolled_off(goal, wanted) + _SHINE_KEPT * tint * shine) / np.maximum(base, 1e-4), np.float32)


def _less_warm(spots: Floats, tone: Floats) -> Floats:
    """`spots` (H x W x 3, logarithmic, mean 0) less far towards the color of `tone` and towards red, beyond a bound."""
    pure = np.log(tone) - np.log(tone).mean()
    pure = pure / max(float(np.linalg.norm(pure)), 1e-3)
    red = np.array([1, -1, 0], np.float32)
    red = red - (red @ pure) * pure
    result = spots
    for way, bound in zip((pure, red / np.linalg.norm(red)), _WARM, strict=True):
        excess = np.maximum(spots @ way - bound, 0)[..., None]
        result = result - (1 - _WARM_KEPT) * excess * way
    return np.asarray(result, np.float32)


def _flatness(light: Floats, step: float) -> Floats:
    """What is left of the contrast of `light` (logarithmic, against the tone) where the tone changes by `step`."""
    return np.asarray(np.maximum(0.4, 1 - max(step, 0.0) * np.where(light > 0, _FLATTER_LIT, _FLATTER)), np.float32)


def _in_order(goal: Floats, base: Floats, tones: tuple[Floats, Floats]) -> Floats:
    """`goal` as bright as the whole light of `base` says: what was brighter than its surroundings stays so.

    Shine alone grows less than lightened skin, and a forehead's would become a dark patch on it.
    """
    own, wanted = tones
    step = float(np.log(wanted.mean() / own.mean()))
    light = np.log(np.maximum(base.mean(-1, keepdims=True), 1e-4) / own.mean())
    bright = wanted.mean() * np.exp(_flatness(light, step) * light)
    ratio = bright / np.maximum(goal.mean(-1, keepdims=True), 1e-4)
    return np.asarray(goal * ratio ** min(1.0, step / _EVEN_FROM), np.float32)


def _shine(base: Floats, own: Floats) -> Floats:
    """H x W of linear light: how much white lies on skin of the color `own`, none on what is darker than it.

    None on gray skin either: in a black-and-white picture shine and skin have one color.
    """
    body = own / np.linalg.norm(own)
    white = np.full(3, 1 / np.sqrt(3), np.float32)
    across = white - (white @ body) * body
    apart = float(across @ across)
    if apart < _APART:
        return np.zeros(base.shape[:2], np.float32)
    amount = base @ across / apart  # least squares of base = body * m + white * s
    over = base.mean(-1) - own.mean()  # a burnt highlight has lost its color: what lies under it is lit as usual
    brighter = np.clip(over / own.mean(), 0, 1)
    bound = np.minimum(0.9 * base.min(-1), np.maximum(over, 0))
    return np.asarray(np.clip(amount / np.sqrt(3), 0, bound) * np.minimum(1, 2 * brighter), np.float32)


def _mirrored(base: Floats, own: Floats, step: float) -> Floats:
    """H x W of linear light: the least shine on skin that becomes darker by `step`, of what is brighter than `own`.

    Light skin hides shine of its own color; dark skin, which scatters little, owes most of its modeling to it.
    """
    over = np.clip(base.mean(-1) - own.mean(), 0, own.mean())
    return np.asarray(_MIRRORED * float(np.clip(-step, 0, 1)) * over, np.float32)


def _rolled_off(light: Floats, tone: Floats) -> Floats:
    """The same up to the shoulder or the channel of `tone`, and above it ever slower towards 1."""
    shoulder = np.maximum(tone, np.float32(_SHOULDER))
    room = np.maximum(1 - shoulder, np.float32(1e-3))
    over = np.maximum(light - shoulder, 0) / room
    return np.asarray(np.minimum(light, shoulder) + room * over / (1 + over), np.float32)


def _light_of(tone: Floats) -> Floats:
    return np.asarray(np.maximum(srgb_to_linear(lab_to_rgb(tone[None])[0]), 2e-3), np.float32)
