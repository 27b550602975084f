"""No bands are left on the forehead of dark skin that was made light; a shadow and darkened skin stay."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.forehead_light import with_even_forehead
from easyphoto.faces.geometry import FOREHEAD
from easyphoto.faces.skin_locus import lch_to_lab
from easyphoto.images import lab_to_rgb, rgb_to_lab
from easyphoto.paths import Paths

LIGHT, DARK = lch_to_lab(74, 18, 54), lch_to_lab(40, 22, 52)


@pytest.fixture(scope="module")
def mesh(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    picture = np.asarray(Image.open(astronaut).convert("RGB"))
    (face,) = BuiltinToolbox(Paths(tmp_path_factory.mktemp("data"))).detect(picture)
    assert face.mesh is not None
    return face.mesh


def banded(mesh: np.ndarray) -> tuple[np.ndarray, slice, int]:
    """(light skin with a dark band across the forehead, rows of the forehead, its middle column)."""
    top, brows = float(mesh[FOREHEAD, 1]), float(mesh[9, 1])
    rows = np.arange(512)
    light = LIGHT[0] - 18 * np.exp(-(((rows - (top + brows) / 2) / 8) ** 2))
    tones = np.stack([light, np.full(512, LIGHT[1]), np.full(512, LIGHT[2])], -1).astype(np.float32)
    picture = np.repeat(lab_to_rgb(tones)[:, None], 512, 1)
    return (
        picture,
        slice(round(top + 0.25 * (brows - top)), round(top + 0.75 * (brows - top))),
        round(float(mesh[9, 0])),
    )


def contrast(picture: np.ndarray, rows: slice, column: int) -> float:
    return float(np.ptp(rgb_to_lab(picture)[rows, column, 0]))


def test_a_band_on_lightened_skin_is_mostly_gone(mesh: np.ndarray):
    picture, rows, column = banded(mesh)
    share = np.ones(picture.shape[:2], np.float32)
    made = with_even_forehead(picture, mesh, share, (DARK, LIGHT))
    assert contrast(made, rows, column) < 0.6 * contrast(picture, rows, column)
    assert (made[300:] == picture[300:]).all()


@pytest.mark.parametrize("tones", [(LIGHT, DARK), (LIGHT, LIGHT)])
def test_darkened_skin_keeps_its_light(mesh: np.ndarray, tones: tuple[np.ndarray, np.ndarray]):
    picture, _, _ = banded(mesh)
    share = np.ones(picture.shape[:2], np.float32)
    assert (with_even_forehead(picture, mesh, share, tones) == picture).all()


def test_a_forehead_under_a_hat_stays_in_its_shadow(mesh: np.ndarray):
    picture = np.tile(lab_to_rgb(lch_to_lab(40, 14, 54)[None]), (512, 512, 1))
    made = with_even_forehead(picture, mesh, np.ones((512, 512), np.float32), (DARK, LIGHT))
    assert rgb_to_lab(made)[..., 0].max() < 60


def test_hair_stays(mesh: np.ndarray):
    picture, _, _ = banded(mesh)
    assert (with_even_forehead(picture, mesh, np.zeros((512, 512), np.float32), (DARK, LIGHT)) == picture).all()
