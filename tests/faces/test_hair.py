"""Hair that hangs over a template's face is no skin, though its color is near; shine and beards are no such hair."""

import numpy as np

from easyphoto.domain import Box
from easyphoto.faces.base import FaceRegions
from easyphoto.faces.fusion.hair import hair_over_face
from easyphoto.faces.fusion.person_view import PersonView

SKIN, AUBURN, DARK, SHINE, BLACK = (70, 13, 15), (58, 17, 20), (35, 15, 17), (60, 10, 12), (12, 2, 3)
SIDE, BOX = 220, Box(60, 40, 160, 180)
LOCK = np.s_[40:130, 125:]


def view(skin: tuple[int, int, int], hair: tuple[int, int, int]) -> PersonView:
    """A face of one color under a head of smooth hair; `hair_over_face` is asked about what is drawn on it."""
    y, x = np.mgrid[:SIDE, :SIDE]
    face = ((x - 110) / 50) ** 2 + ((y - 110) / 70) ** 2 < 1
    matte = ((x - 110) / 75) ** 2 + ((y - 105) / 95) ** 2 < 1
    lab = np.where(face[..., None], np.array(skin, np.float32), np.array(hair, np.float32)).astype(np.float32)
    rough = np.where(face, 1.0, 3.0).astype(np.float32)
    brows = np.zeros((SIDE, SIDE), np.uint8)
    brows[84:90, 75:100] = brows[84:90, 120:145] = 255
    mask = np.where(face, 255, 0).astype(np.uint8)
    nothing = np.zeros((SIDE, SIDE), np.uint8)
    regions = FaceRegions(mask, np.where(brows > 0, 0, mask).astype(np.uint8), nothing, brows, nothing, nothing)
    points = np.array([[88, 100], [132, 100], [110, 120], [92, 145], [128, 145]], np.float32)
    return PersonView(nothing, lab, regions, rough, np.where(matte, 255, 0).astype(np.uint8), BOX, points)


def drawn(seen: PersonView, where: tuple[slice, slice], color: tuple[int, int, int]) -> PersonView:
    seen.lab[where], seen.rough[where] = color, 3.0
    return seen


def test_a_lock_of_auburn_hair_is_found_with_the_end_of_the_brow_under_it():
    found = hair_over_face(drawn(view(SKIN, AUBURN), LOCK, AUBURN))
    assert found[60:80, 130:145].all()
    assert found[85:89, 132:142].all()
    assert not found[:, :118].any()


def test_a_rough_patch_that_does_not_come_from_outside_is_none():
    assert not hair_over_face(drawn(view(SKIN, AUBURN), np.s_[95:120, 95:125], AUBURN)).any()


def test_a_beard_is_none():
    assert not hair_over_face(drawn(view(SKIN, AUBURN), np.s_[146:, :], AUBURN)).any()


def test_shine_on_a_dark_forehead_is_none():
    seen = drawn(view(DARK, BLACK), np.s_[30:75, 100:150], SHINE)
    assert not hair_over_face(seen).any()
