"""Folds beside the eyes are skin, hair that hangs in from outside is not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from builtin_model.mesh_indices import OVAL
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.folds import with_folds
from easyphoto.faces.fusion.relight import LOOSE, skin_share
from easyphoto.paths import Paths

SKIN, LINE, HAIR = (200, 160, 140), (95, 60, 50), (60, 40, 30)


@pytest.fixture(scope="module")
def plane(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> BlendMask:
    picture = np.asarray(Image.open(astronaut).convert("RGB"))
    (face,) = BuiltinToolbox(Paths(tmp_path_factory.mktemp("data"))).detect(picture)
    return BlendMask(face.mesh, (picture.shape[1], picture.shape[0]))


def drawn(plane: BlendMask) -> np.ndarray:
    """A plain face before dark hair."""
    picture = np.full((plane.size[1], plane.size[0], 3), HAIR, np.float32)
    picture[plane.grow(plane.polygon(OVAL), 0.03) > 0.5] = SKIN
    return picture


def found(plane: BlendMask, picture: np.ndarray, at: tuple[slice, slice]) -> tuple[float, float]:
    skin = skin_share(picture, plane.cheeks(), plane.height, LOOSE)
    return float(skin[at].mean()), float(with_folds(plane, skin, picture)[at].mean())


def place(plane: BlendMask, point: int) -> tuple[int, int, int]:
    x, y = (round(float(value)) for value in plane.mesh[point, :2])
    return x, y, round(0.05 * plane.height)


def test_laughing_lines_are_skin(plane: BlendMask):
    picture = drawn(plane)
    x, y, half = place(plane, 116)  # beside and under an eye
    for row in range(y - half, y + half, 4):
        picture[row : row + 2, x : x + 3 * half] = LINE
    before, after = found(plane, picture, (slice(y - half // 2, y + half // 2), slice(x + half, x + 2 * half)))
    assert before < 0.3
    assert after > 0.9


def test_a_lock_of_hair_over_the_temple_is_not(plane: BlendMask):
    picture = drawn(plane)
    x, y, half = place(plane, 116)
    for column in range(0, x + half, 3):  # strands of hair with lit ones of the skin's color between
        picture[: y + half, column : column + 2] = HAIR
    before, after = found(plane, picture, (slice(y - half, y), slice(x - half, x)))
    assert before < 0.3
    assert after < 0.3
