"""Relighting and the tone of skin, lips, eyes and whites."""

import cv2
import numpy as np
import pytest
import skimage.color
from hypothesis import given, settings
from hypothesis import strategies as st

from easyphoto.faces.base import FusionTarget
from easyphoto.faces.fusion.fuse import fuse
from easyphoto.faces.fusion.relight import even_toned, less_red, relit, skin_share, soft_light, tinted

tones = st.floats(3, 252)


@settings(max_examples=60, deadline=None)
@given(own=tones, theirs=tones, pixel=tones)
def test_relighting_is_bounded_and_keeps_black_and_white(own, theirs, pixel):
    def flat(value):
        return np.full((1, 1, 3), value, np.float32)

    moved = float(relit(flat(pixel), flat(own), flat(theirs), 9.0)[0, 0, 0])
    assert 0 <= moved <= 255
    assert (moved >= pixel - 0.1) if theirs >= own else (moved <= pixel + 0.1)
    assert relit(flat(own), flat(own), flat(theirs), 9.0)[0, 0, 0] == pytest.approx(theirs, abs=2)
    assert relit(flat(0), flat(own), flat(theirs), 9.0)[0, 0, 0] == 0
    assert relit(flat(255), flat(own), flat(max(own, theirs)), 9.0)[0, 0, 0] == pytest.approx(255, abs=0.1)
    assert relit(flat(pixel), flat(own), flat(theirs), 0.0)[0, 0, 0] == pytest.approx(pixel, abs=0.1)


def flat_picture(*rgb):
    return np.full((4, 4, 3), rgb, np.float32)


def test_skin_takes_the_others_color_and_whites_stay_white():
    own, theirs = flat_picture(120, 80, 60), flat_picture(225, 185, 170)
    lit = relit(own, own, theirs, 3.0)
    assert np.allclose(tinted(lit, own, own, theirs), theirs, atol=4)
    teeth = flat_picture(235, 235, 235)
    assert np.ptp(tinted(teeth, teeth, own, theirs)[0, 0]) < 12


def test_lips_stay_redder_than_skin():
    own, theirs, lips = flat_picture(200, 150, 130), flat_picture(120, 80, 60), flat_picture(190, 80, 90)
    red = tinted(relit(lips, own, theirs, 3.0), lips, own, theirs)[0, 0]
    assert red[0] / red[1] > theirs[0, 0, 0] / theirs[0, 0, 1]


def test_pink_lids_of_a_yellow_photo_do_not_turn_violet_and_blue_eyes_stay_blue():
    own, theirs = flat_picture(225, 170, 110), flat_picture(200, 170, 158)
    lab = skimage.color.rgb2lab(tinted(flat_picture(205, 140, 130), flat_picture(205, 140, 130), own, theirs) / 255)
    assert lab[0, 0, 1] > 5 and lab[0, 0, 2] > 1
    eye = flat_picture(90, 105, 130)
    blue = tinted(eye, eye, own, theirs)[0, 0]
    assert blue[2] > blue[1] + 4


def test_patches_of_color_are_smoothed_and_lightness_is_not():
    patchy = np.full((40, 40, 3), (200, 150, 130), np.float32)
    patchy[10:14, 10:14] = (200, 160, 90)
    even = even_toned(patchy, np.ones((40, 40), np.float32), 10)
    assert np.abs(even[12, 12] - even[30, 30])[2] < 0.7 * 40
    assert np.allclose(even_toned(patchy, np.zeros((40, 40), np.float32), 10), patchy, atol=0.5)


def test_a_black_and_white_template_stays_black_and_white(faces, template, person):
    gray = np.repeat(cv2.cvtColor(template.picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    result = fuse(FusionTarget(gray, template.face), [person], faces)
    assert np.ptp(result.picture.astype(int), axis=2).max() <= 6


def test_soft_light_of_a_flat_picture_is_flat():
    picture = np.full((60, 40, 3), (200, 150, 120), np.float32)
    weight = np.zeros((60, 40), np.float32)
    weight[20:30, 10:20] = 1
    assert np.allclose(soft_light(picture, weight, 8), picture, atol=1)


def test_skin_is_told_from_hair():
    rng = np.random.default_rng(0)
    picture = np.full((120, 120, 3), (205, 160, 140), np.float32) + rng.normal(0, 2, (120, 120, 1)).astype(np.float32)
    picture[:, 80:] = (60, 40, 30)
    certain = np.zeros((120, 120), np.float32)
    certain[30:90, 10:60] = 1
    share = skin_share(picture, certain, 100)
    assert share[:, :70].mean() > 0.9
    assert share[:, 86:].mean() < 0.1


def test_a_nose_that_a_flash_shows_red_gets_the_color_of_the_cheeks_and_blush_stays():
    lab = np.full((80, 120, 3), (65, 14, 16), np.float32)
    lab[20:60, 10:40, 1] = 15.5  # blush
    lab[20:60, 70:110, 1] = 30  # a red nose
    lab[:, 60:64] = (50, 40, 16)  # no skin
    skin = np.ones((80, 120), np.float32)
    skin[:, 58:66] = 0
    picture = np.float32(255) * cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    after = cv2.cvtColor(less_red(picture, skin, 2) / np.float32(255), cv2.COLOR_RGB2LAB)
    assert abs(after[40, 25, 1] - 15.5) < 0.5
    assert after[40, 90, 1] < 20
    assert np.abs(after[..., [0, 2]] - lab[..., [0, 2]]).max() < 0.5
    assert np.abs(after[:, 60:64] - lab[:, 60:64]).max() < 0.5
