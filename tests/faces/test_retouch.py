"""Skin gets smoother and keeps its colour."""

from __future__ import annotations

import numpy as np
import pytest

from easyphoto.faces.builtin.retouch import smooth_skin
from easyphoto.images.color import rgb_to_lab

TONES = [(241, 205, 184), (222, 171, 127), (184, 130, 95), (141, 85, 54), (88, 56, 41), (55, 34, 26)]


def face_of(tone: tuple[int, int, int]) -> np.ndarray:
    """200 px of skin under side light with dark spots, red spots and grain."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:200, :200]
    skin = np.array(tone, np.float64) * (0.8 + 0.3 * x / 200)[..., None]
    for i in range(25):
        spot = np.exp(-((x - rng.uniform(0, 200)) ** 2 + (y - rng.uniform(0, 200)) ** 2) / 18)[..., None]
        skin *= 1 - spot * ([0.12, 0.12, 0.12] if i % 2 else [0.0, 0.15, 0.15])
    return np.clip(skin + rng.normal(0, 1.5, skin.shape), 0, 255).astype(np.uint8)


def oval() -> np.ndarray:
    y, x = np.mgrid[:200, :200]
    return np.where((x - 100) ** 2 / 80**2 + (y - 100) ** 2 / 95**2 < 1, 255, 0).astype(np.uint8)


def ita(picture: np.ndarray, mask: np.ndarray) -> float:
    """Individual typology angle of the mean colour, degrees (Chardon et al., 1991)."""
    light, _, yellow = rgb_to_lab(picture)[mask > 0].mean(0).astype(float)
    return float(np.rad2deg(np.arctan2(light - 50, yellow)))


def unevenness(picture: np.ndarray, mask: np.ndarray) -> float:
    """Spread of L* about its trend from left to right."""
    light = rgb_to_lab(picture)[..., 0].astype(float)
    y, x = np.nonzero(mask)
    trend = np.polyfit(x, light[y, x], 2)
    return float(np.std(light[y, x] - np.polyval(trend, x)))


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_never_whitens(tone, ratio):
    picture = face_of(tone)
    smooth = smooth_skin(picture, oval(), 160, ratio)
    assert abs(ita(smooth, oval()) - ita(picture, oval())) < 2
    before, after = (rgb_to_lab(p)[oval() > 0].mean(0) for p in (picture, smooth))
    assert np.abs(after - before).max() < 0.5


@pytest.mark.parametrize("tone", TONES)
def test_blemishes_lessen_with_ratio(tone):
    picture = face_of(tone)
    none, half, full = (unevenness(smooth_skin(picture, oval(), 160, r), oval()) for r in (0.0, 0.5, 1.0))
    assert full < half < none
    assert full < 0.85 * none


def test_outside_the_skin_nothing_changes():
    picture = face_of(TONES[1])
    smooth = smooth_skin(picture, oval(), 160, 1.0)
    assert (smooth[oval() == 0] == picture[oval() == 0]).all()
    assert (smooth != picture).any()


def test_nothing_to_do_is_a_copy():
    picture = face_of(TONES[0])
    for same in (smooth_skin(picture, oval(), 160, 0.0), smooth_skin(picture, np.zeros_like(oval()), 160, 1.0)):
        assert (same == picture).all()
        assert same is not picture


def test_features_stay():
    """A hard dark line, as of a nostril, keeps most of its depth."""
    picture = np.full((200, 200, 3), TONES[1], np.uint8)
    picture[98:103, 60:140] = 40
    smooth = smooth_skin(picture, oval(), 160, 1.0)
    assert smooth[100, 100].mean() < 60
