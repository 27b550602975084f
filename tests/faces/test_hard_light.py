"""A lit and a dark side of a face in hard light."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.blend_mask import CHEEKS, BlendMask
from easyphoto.faces.fusion.hard_light import with_shading_of
from easyphoto.paths import Paths


@pytest.fixture(scope="module")
def plane(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> BlendMask:
    picture = np.asarray(Image.open(astronaut).convert("RGB"))
    (face,) = BuiltinToolbox(Paths(tmp_path_factory.mktemp("data"))).detect(picture)
    return BlendMask(face.mesh, (picture.shape[1], picture.shape[0]))


def lit_from_one_side(plane: BlendMask, level: float, dark: float) -> np.ndarray:
    picture = np.full((plane.size[1], plane.size[0], 3), level, np.float32)
    picture[:, : round(float(plane.mesh[1, 0]))] *= dark
    return picture


def sides(plane: BlendMask, picture: np.ndarray) -> float:
    left, right = (picture[plane.around(cheek) > 0.5].mean() for cheek in CHEEKS)
    return float(left / right)


def test_a_face_in_hard_light_has_a_lit_and_a_dark_side(plane: BlendMask):
    base, lit = lit_from_one_side(plane, 170, 0.45), lit_from_one_side(plane, 130, 1)
    assert sides(plane, with_shading_of(plane, lit, base)) == pytest.approx(0.5, abs=0.12)


def test_soft_light_models_a_flat_face_in_part(plane: BlendMask):
    lit, base = lit_from_one_side(plane, 130, 1), lit_from_one_side(plane, 170, 0.9)
    assert 0.9 < sides(plane, with_shading_of(plane, lit, base)) < 0.98


def test_the_lit_side_does_not_burn_out(plane: BlendMask):
    lit = lit_from_one_side(plane, 215, 1)
    lit[::2] += 8  # texture
    right = plane.around(CHEEKS[1]) > 0.5
    bright = with_shading_of(plane, lit, lit_from_one_side(plane, 254, 0.4))[right]
    assert bright.max() < 254
    assert bright.std() > 1
