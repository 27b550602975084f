"""Skin that photo or template shows warmer than it is: casts of a photo, ears and necks that glow orange."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.skin_mask import visible_skin
from easyphoto.faces.fusion.skin_tone import retoned
from easyphoto.faces.skin_locus import lab_to_lch, lch_to_lab, likely_hue, plausible
from easyphoto.images import lab_to_rgb, rgb_to_lab
from easyphoto.paths import Paths

LIGHT = lch_to_lab(74, 22, 51)


def test_a_hue_of_skin_stays_and_a_cast_counts_the_less_the_stronger_it_is():
    assert [likely_hue(hue) for hue in (46.0, 50.0, 55.0)] == [46.0, 50.0, 55.0]
    hues = [likely_hue(hue) for hue in (44.0, 30.0, 10.0, -30.0)]
    assert hues == sorted(hues)
    assert hues[0] < 46 < 49 < hues[-1] < 50


def test_a_ruddy_photo_gives_no_orange_tone():
    _, chroma, hue = lab_to_lch(plausible(lch_to_lab(66, 34, 42)))
    assert (round(chroma), round(hue)) == (25, 46)


@pytest.mark.parametrize("warm", [lch_to_lab(57, 30, 46), lch_to_lab(60, 31, 38)])
def test_an_ear_that_glows_comes_near_to_the_color_of_the_face(warm: np.ndarray):
    picture = np.tile(lab_to_rgb(LIGHT[None]), (60, 60, 1))
    picture[:, 30:] = lab_to_rgb(warm[None])
    result = rgb_to_lab(retoned(picture, np.ones((60, 60), np.float32), (LIGHT, LIGHT), 1))
    lightness, chroma, _ = lab_to_lch(result[30, 50])
    _, face, _ = lab_to_lch(result[30, 10])
    assert chroma / lightness < 1.6 * face / 74
    assert abs(lightness - warm[0]) < 4
    assert np.abs(result[30, 10] - LIGHT).max() < 1


def test_the_red_rim_of_an_ear_is_skin_where_the_matte_has_lost_it(tmp_path: Path):
    toolbox = BuiltinToolbox(Paths(tmp_path))
    picture = np.asarray(
        Image.open(Path(__file__).resolve().parents[2] / "models" / "templates" / "polo.jpg").convert("RGB")
    )
    face = max(toolbox.detect(picture), key=lambda one: one.box.area)
    share = visible_skin(picture, face, toolbox.regions(picture, face), toolbox.matte(picture))
    left, top, height = int(face.box.left), int(face.box.top), face.box.height
    here = slice(int(top + 0.3 * height), int(top + 0.5 * height)), slice(left - int(0.12 * height), left)
    lab = rgb_to_lab(picture[here])
    red = (np.hypot(lab[..., 1], lab[..., 2]) > 32) & (np.arctan2(lab[..., 2], lab[..., 1]) < np.radians(50))
    red = cv2.erode(red.astype(np.uint8), np.ones((2, 2), np.uint8)) > 0
    assert red.sum() > 40
    assert share[here][red].mean() > 0.8
