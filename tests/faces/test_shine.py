"""Shine on skin that becomes darker: most of the shape that one sees of dark skin."""

import numpy as np

from easyphoto.faces.fusion.skin_tone import retoned
from easyphoto.faces.skin_locus import lab_to_lch, lch_to_lab
from easyphoto.images import lab_to_rgb, rgb_to_lab


def darkened(own: np.ndarray, wanted: np.ndarray, shine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(tone of what shone, tone of the skin round it) after `own` was brought to `wanted`."""
    picture = np.tile(lab_to_rgb(own[None]), (60, 60, 1))
    picture[20:40, 20:40] = lab_to_rgb(shine[None])
    result = rgb_to_lab(retoned(picture, np.ones((60, 60), np.float32), (own, wanted), 1))
    return result[30, 30], result[5, 5]


def test_what_is_bright_on_light_skin_shines_on_dark_skin():
    shine, skin = darkened(lch_to_lab(74, 22, 51), lch_to_lab(34, 16, 52), lch_to_lab(84, 20, 55))
    assert 9 < shine[0] - skin[0] < 20
    assert abs(skin[0] - 34) < 1


def test_dark_skin_that_becomes_a_little_darker_keeps_its_shine_and_its_color():
    shine, skin = darkened(lch_to_lab(40, 26, 50), lch_to_lab(34, 16, 52), lch_to_lab(72, 8, 60))
    assert 16 < shine[0] - skin[0] < 26  # of 32 on the template's: all of it is a gray patch
    assert 2 < lab_to_lch(shine)[1] < 14
