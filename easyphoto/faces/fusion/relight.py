"""Where skin is, and how the light of one face is laid on another. Pictures are float32 RGB 0..255."""

from __future__ import annotations

import cv2
import numpy as np

from easyphoto.domain import Floats

STRICT = (8.0, 1.5, 1.5)
"""Tolerances in L, a, b that part skin from hair, beard and brows."""
_CALM = 5.0
"""Units of a*b* by which colors near eyes and brows may depart from the skin's."""
_TEETH = (0.0, 8.0, 11.0)
"""LAB: of teeth the least a, the a from which it is gums or tongue, and the most b."""
_BLUSH, _FLUSH = 2.0, 0.8
"""Units of a* by which skin may be redder than usual, and how much of what is beyond them is taken off."""
LOOSE = (13.0, 2.5, 2.5)
"""The same where creases and cast shadows are to count as skin."""
_PINK, _LEAST_YELLOW = 4.0, 0.45
"""LAB a from which skin has at least that share of yellow (b) beyond it: lids and nostrils that are pink in a yellow
photo do not turn violet."""


def skin_share(
    picture: Floats, certain: Floats, face_height: float, tolerance: tuple[float, float, float] = STRICT
) -> Floats:
    """How much each pixel looks like the skin under `certain` (mask 0..1): H x W, 0..1, soft.

    By colour (a robust Gaussian in LAB) and by texture: hair of skin's colour is rougher than skin.
    """
    lab = np.asarray(cv2.cvtColor(cv2.GaussianBlur(picture, (0, 0), 1.0) / 255, cv2.COLOR_RGB2LAB))
    sure = certain > 0.5
    if sure.sum() < 20:
        return np.zeros(picture.shape[:2], np.float32)
    by_color = np.clip(2.4 - _color_gap(lab, lab[sure], np.array(tolerance)), 0, 1)
    rough = _roughness(lab[..., 0], face_height)
    usual = max(float(np.median(rough[sure])), 0.35)
    return np.asarray(by_color * np.clip((5.5 - rough / usual) / 2, 0, 1), np.float32)


def _color_gap(lab: Floats, samples: Floats, tolerance: np.ndarray) -> Floats:
    """How far each pixel is from the samples, 1 = the rim of what is usual; shine counts less than shadow."""
    for _ in range(2):
        middle = np.median(samples, axis=0)
        spread = 1.5 * (1.4826 * np.median(np.abs(samples - middle), axis=0) + tolerance)
        near = np.linalg.norm((samples - middle) / spread, axis=1) < 2
        samples = samples[near] if near.sum() > 20 else samples
    away = (lab - middle.astype(np.float32)) / spread.astype(np.float32)
    away[..., 0] *= np.where(away[..., 0] > 0, np.float32(0.7), np.float32(1))
    return np.asarray(np.linalg.norm(away, axis=-1), np.float32)


def _roughness(lightness: Floats, face_height: float) -> Floats:
    """Mean fine contrast round each pixel."""
    fine = np.abs(lightness - cv2.GaussianBlur(lightness, (0, 0), max(0.8, 0.006 * face_height)))
    return np.asarray(cv2.GaussianBlur(fine, (0, 0), max(1.0, 0.016 * face_height)), np.float32)


def soft_light(picture: Floats, weight: Floats, sigma: float) -> Floats:
    """The Gaussian mean of `picture` over the pixels that `weight` counts, their overall mean far from them."""
    shrink = max(1.0, sigma / 5)
    size = (max(1, round(picture.shape[1] / shrink)), max(1, round(picture.shape[0] / shrink)))
    sums = cv2.resize(picture * weight[..., None], size, interpolation=cv2.INTER_AREA)
    share = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    overall = (sums.reshape(-1, 3).sum(0) + 1e-3) / (share.sum() + 1e-5)
    near = cv2.GaussianBlur(sums, (0, 0), sigma / shrink)
    count = cv2.GaussianBlur(share, (0, 0), sigma / shrink)[..., None]
    faint = np.float32(0.01)
    means = (near + faint * overall.astype(np.float32)) / (count + faint)
    return np.asarray(cv2.resize(means, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def evened(picture: Floats, weight: Floats, sigma: float) -> Floats:
    """`weight` without the places that are much darker or brighter than skin round them: creases, shine."""
    around = soft_light(picture, weight, sigma).mean(-1)
    departure = np.abs(cv2.GaussianBlur(picture, (0, 0), max(0.5, sigma / 16)).mean(-1) / np.maximum(around, 1) - 1)
    return np.asarray(weight * np.clip((0.22 - departure) / 0.14, 0.03, 1), np.float32)


def relit(front: Floats, front_low: Floats, back_low: Floats, limit: float) -> Floats:
    """`front` with its soft light `front_low` exchanged for `back_low`, channel by channel.

    Darker is a gain; brighter is a shift in log-odds. Either way black stays black (no fog in
    pupils and beards), white never burns out (teeth, glints) and contrast never grows beyond the
    gain. `limit` bounds the logarithm of the gain, and the shift.
    """
    shift = np.clip(_odds(back_low) - _odds(front_low), 0, limit)
    gain = np.clip(np.minimum(front_low, back_low) / np.maximum(front_low, 1), np.exp(-limit), 1)
    share = np.clip(front / 255, 0, 1)
    rise = np.exp(shift)
    brighter = 255 * share * rise / (1 + share * (rise - 1))
    return np.asarray(brighter * gain, np.float32)


def exposed(picture: Floats, gain: float | Floats) -> Floats:
    """`picture` times `gain`, its odds where that is brighter: lit skin nears white and keeps its shape.

    `gain` is one number, or an array that goes with H x W x 3.
    """
    share = np.clip(picture / 255, 0, 1)
    brighter = 255 * share * gain / (1 + share * (gain - 1))
    return np.asarray(np.where(np.asarray(gain) > 1, brighter, picture * gain), np.float32)


def even_toned(picture: Floats, skin: Floats, sigma: float) -> Floats:
    """`picture` whose skin (H x W, 0..1) has half of its colour patches smoothed over `sigma` pixels.

    Flash and compression leave yellow and pink patches that no eye sees in a small photo; blush is broader.
    """
    lab = _lab(picture)
    smooth = soft_light(lab, skin, sigma)
    lab[..., 1:] += np.float32(0.6) * skin[..., None] * (smooth - lab)[..., 1:]
    return _rgb(lab)


def less_red(picture: Floats, skin: Floats, sigma: float) -> Floats:
    """`picture` whose skin (H x W, 0..1) has most of the redness taken off that exceeds blush: a flash shows noses red.

    Redness is a* over `sigma` pixels, blush what lies up to `_BLUSH` units above the skin's usual.
    """
    seen = skin > 0.5
    if not seen.any():
        return picture
    lab = _lab(picture)
    smooth = soft_light(lab, skin, sigma)[..., 1]
    beyond = np.maximum(smooth - np.median(smooth[seen]) - _BLUSH, 0)
    lab[..., 1] -= _FLUSH * skin * beyond
    return _rgb(lab)


def tinted(lit: Floats, front: Floats, front_low: Floats, back_low: Floats) -> Floats:
    """`lit` with the colour of the light `back_low`, and what `front` had beyond its own light `front_low`.

    Colour is taken over in LAB, in proportion to lightness: channels that are lit one by one turn
    shadows orange or violet where skin tones lie far apart.
    """
    lab, own, own_low, low = (_lab(picture) for picture in (lit, front, front_low, back_low))
    usual = own_low[..., 1:] * _ratio(own, own_low)
    length = np.linalg.norm(usual, axis=-1, keepdims=True)
    along = usual / np.maximum(length, 1e-3)
    here = (own[..., 1:] * along).sum(-1, keepdims=True)
    share = np.clip((here + 1) / (length + 1), 0, 1)  # whites, glints and pupils have less colour than skin
    beyond = own[..., 1:] - np.minimum(here, length) * along
    dimmed = np.minimum(_ratio(lab, own), 1)  # colours fade with the light
    strength = np.linalg.norm(low[..., 1:], axis=-1, keepdims=True) / np.maximum(length, 1e-3)
    beyond *= 1 - share * (1 - np.minimum(strength, 1))  # a yellow photo's differences are as strong as its color
    lab[..., 1:] = low[..., 1:] * _ratio(lab, low) * share + beyond * dimmed
    yellow = np.minimum(_LEAST_YELLOW * (lab[..., 1] - _PINK), low[..., 2])
    lab[..., 2] += share[..., 0] * np.maximum(yellow - lab[..., 2], 0)
    return _rgb(lab)


def calmed(lit: Floats, low: Floats, where: Floats) -> Floats:
    """`lit` whose colors under `where` (H x W, 0..1) depart little from those of the light `low` on skin.

    Lids, brows and the sockets round them: color casts of two pictures add up there to violet, mustard and green.
    """
    lab, around = _lab(lit), _lab(low)
    usual = around[..., 1:] * _ratio(lab, around)
    away = lab[..., 1:] - usual
    length = np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), np.float32(1e-3))
    calm = usual + away * np.minimum(1, _CALM / length)
    lab[..., 1:] += (calm - lab[..., 1:]) * where[..., None]
    return _rgb(lab)


def clean_teeth(lit: Floats, mouth: Floats) -> Floats:
    """`lit` whose teeth between the lips (`mouth`, H x W, 0..1) are neither green nor yellow; gums and tongue stay."""
    lab, (least, gums, most) = _lab(lit), _TEETH
    share = mouth * np.clip((gums + 4 - lab[..., 1]) / 4, 0, 1)
    lab[..., 1] += share * (np.maximum(lab[..., 1], least) - lab[..., 1])
    lab[..., 2] += share * (np.minimum(lab[..., 2], most) - lab[..., 2])
    return _rgb(lab)


def _ratio(lab: Floats, low: Floats) -> Floats:
    return np.clip(lab[..., :1] / np.maximum(low[..., :1], 1), 0, np.float32(1.25))


def _lab(picture: Floats) -> Floats:
    return np.asarray(cv2.cvtColor(np.clip(picture, 0, 255) / np.float32(255), cv2.COLOR_RGB2LAB), np.float32)


def _rgb(lab: Floats) -> Floats:
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * np.float32(255), np.float32)


def is_gray(picture: Floats) -> bool:
    """Whether the picture is black and white, or toned."""
    color = _lab(picture)[..., 1:]
    return bool(np.percentile(np.abs(color - np.median(color, axis=(0, 1))), 95) < 3)


def _odds(picture: Floats) -> Floats:
    share = np.clip(picture / 255, 0.01, 0.99)
    return np.asarray(np.log(share / (1 - share)), np.float32)
