"""A fused face is as light as the skin round it, whatever shadows and wrinkles either picture has."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.blend_mask import CHEEKS, BlendMask
from easyphoto.faces.fusion.face_lightness import FOREHEAD_MIDDLE, with_lightness_of
from easyphoto.paths import Paths


@pytest.fixture(scope="module")
def plane(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> BlendMask:
    picture = np.asarray(Image.open(astronaut).convert("RGB"))
    (face,) = BuiltinToolbox(Paths(tmp_path_factory.mktemp("data"))).detect(picture)
    return BlendMask(face.mesh, (picture.shape[1], picture.shape[0]))


def plain(plane: BlendMask, level: float) -> np.ndarray:
    return np.full((plane.size[1], plane.size[0], 3), level, np.float32)


def everywhere(plane: BlendMask) -> np.ndarray:
    return np.ones((plane.size[1], plane.size[0]), np.float32)


@pytest.mark.parametrize(("level", "wanted"), [(150, 180), (180, 150)])
def test_plain_skin_becomes_as_light(plane: BlendMask, level: float, wanted: float):
    base = plain(plane, wanted)
    base[::4] = 40  # wrinkles
    made = with_lightness_of(plane, plain(plane, level), base, everywhere(plane))
    assert made[plane.around(CHEEKS[0]) > 0.5].mean() == pytest.approx(wanted, abs=6)


def test_one_cheek_in_shadow_does_not_darken_the_face(plane: BlendMask):
    base = plain(plane, 170)
    base[plane.around(CHEEKS[0]) > 0.5] = 60
    lit = plain(plane, 170)
    assert np.abs(with_lightness_of(plane, lit, base, everywhere(plane)) - lit).max() < 1


def test_what_is_no_skin_in_either_tells_nothing(plane: BlendMask):
    lit = plain(plane, 120)
    assert (with_lightness_of(plane, lit, plain(plane, 180), 0 * everywhere(plane)) == lit).all()


def test_white_and_black_stay(plane: BlendMask):
    lit = plain(plane, 150)
    lit[:5], lit[5:10] = 255, 0
    made = with_lightness_of(plane, lit, plain(plane, 185), everywhere(plane))
    assert made[:5].min() > 254
    assert made[5:10].max() < 1


def test_a_little_more_of_a_forehead_makes_no_step(plane: BlendMask):
    """Whether a place is just seen or just not hangs on the version of a library."""
    skin, lit, base = everywhere(plane), plain(plane, 120), plain(plane, 0)
    base += np.linspace(60, 180, plane.size[0], dtype=np.float32)[None, :, None]
    forehead = plane.around(FOREHEAD_MIDDLE) > 0.5
    base[forehead] = 200
    rows = np.flatnonzero(forehead.any(1))
    made = []
    for row in rows:
        skin[:row][forehead[:row]] = 0
        made.append(with_lightness_of(plane, lit, base, skin)[~forehead].mean())
    assert max(made) - min(made) > 1, "the forehead tells nothing"
    assert np.abs(np.diff(made)).max() < 0.5 * (max(made) - min(made))
