"""The rim of a skin mask under thin hair."""

import numpy as np
import pytest

from easyphoto.faces.fusion.hairline import with_hairline, with_same_skin
from easyphoto.faces.skin_locus import lch_to_lab
from easyphoto.images import lab_to_rgb

SKIN, LIT_HAIR, HAIR = lch_to_lab(65, 24, 52), lch_to_lab(50, 36, 50), lch_to_lab(15, 5, 60)


@pytest.mark.parametrize(
    ("rim", "darker", "taken"),
    [(SKIN, False, True), (LIT_HAIR, True, True), (LIT_HAIR, False, False), (HAIR, True, False)],
)
def test_the_rim_is_taken_along_where_it_would_show(rim: np.ndarray, darker: bool, taken: bool):
    picture = np.tile(lab_to_rgb(SKIN[None]), (40, 60, 1))
    picture[:, 30:] = lab_to_rgb(rim[None])
    share = np.zeros((40, 60), np.float32)
    share[:, :30] = 1
    grown = with_hairline(picture, share, 8, darker)
    assert (grown[20, 31:33].mean() > 0.4) == taken
    assert (grown[:, 40:] == 0).all()
    assert (grown[:, :30] == 1).all()


def test_the_last_of_the_same_skin_is_taken_along_and_linen_and_hair_are_not():
    picture = np.tile(lab_to_rgb(SKIN[None]), (60, 60, 1))
    picture[:20, 42:], picture[20:40, 42:] = lab_to_rgb(HAIR[None]), lab_to_rgb(lch_to_lab(88, 3, 80)[None])
    share = np.zeros((60, 60), np.float32)
    share[:, :36] = 1
    grown = with_same_skin(picture, share, 14)
    assert grown[:, 36:41].min() > 0.9
    assert grown[:40, 43:].max() < 0.1
