"""Skin in the shade of the hair and burnt by the sun is skin; hair, collars and white tops beside it are not."""

import numpy as np
import pytest

from easyphoto.domain import Box
from easyphoto.faces.base import FaceRegions
from easyphoto.faces.fusion.person_view import PersonView
from easyphoto.faces.fusion.uneven_light import in_uneven_light

DARK, LIGHT = (38.0, 18.0, 20.0), (70.0, 13.0, 15.0)
BOX = Box(60, 40, 140, 140)


def seen_with(lab: np.ndarray) -> PersonView:
    side = lab.shape[0]
    nothing, full = np.zeros((side, side), np.uint8), np.full((side, side), 255, np.uint8)
    points = np.array([[85, 80], [115, 80], [100, 100], [88, 118], [112, 118]], np.float32)
    masks = FaceRegions(nothing, nothing, nothing, nothing, nothing, nothing)
    return PersonView(nothing, lab, masks, np.ones((side, side), np.float32), full, BOX, points)


def colored(tone: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(lab of one color, the face as sure skin, the face and an arm as skin that was found)."""
    lab = np.tile(np.array(tone, np.float32), (220, 220, 1))
    sure, skin = np.zeros((220, 220), bool), np.zeros((220, 220), bool)
    sure[60:135, 70:130] = True
    skin[45:140, 65:135] = skin[185:, 20:50] = True
    return lab, sure, skin


@pytest.mark.parametrize(("step", "expected"), [(1.0, True), (6.0, False)])
def test_shade_is_skin_where_light_changes_smoothly(step: float, expected: bool):
    lab, sure, skin = colored(DARK)
    skin[45:70, 110:135] = False
    shade = np.clip((np.arange(220) - 109) * step, 0, 12)[None, :]
    lab[45:70, :, 0] -= np.where(np.arange(220) > 109, shade, 0)[0]
    lab[:, :, 0][:45] = 8  # hair
    grown = in_uneven_light(seen_with(lab), sure, skin)
    assert bool(grown[50:65, 118:130].mean() > 0.8) is expected
    assert not grown[:44].any()


def test_a_light_forehead_never_reaches_into_gray_hair():
    lab, sure, skin = colored(LIGHT)
    lab[:45, :, 0] = 64
    lab[:45, :, 1:] = 3
    assert not in_uneven_light(seen_with(lab), sure, skin).any()


def test_a_burnt_shoulder_over_an_arm_is_skin_and_a_white_top_under_a_neckline_is_none():
    lab, sure, skin = colored(LIGHT)
    ramp = np.clip((185 - np.arange(220)) * 1.5, 0, 18)[:, None]
    ramp[:150] = 0  # the face
    lab[..., 0] += ramp
    lab[..., 1:] *= (1 - ramp / 22)[..., None]
    skin[178:185, 20:50] = True  # as far as its color tells
    lab[150:168, :60] = (98, 0, 0)  # the street
    skin[150:170, 80:120] = True  # neckline
    lab[150:170, 80:120] = LIGHT
    lab[170:, 80:120] = (88, 1, 3)
    grown = in_uneven_light(seen_with(lab), sure, skin)
    assert grown[170:177, 25:45].mean() > 0.8
    assert not grown[172:, 82:118].any()


def test_a_pendant_is_none():
    lab, sure, skin = colored(LIGHT)
    skin[150:200, 80:120] = True
    skin[170:175, 98:103] = False
    lab[170:175, 98:103] = (80, 1, 1)
    assert not in_uneven_light(seen_with(lab), sure, skin)[170:175, 98:103].any()
