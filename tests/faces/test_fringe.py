"""A fringe that hangs over the brows is told from one that ends above them; the template's brows become as dark."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from builtin_model.mesh_indices import BROWS, OVAL
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.blend_mask import BlendMask, blend_region
from easyphoto.faces.fusion.fringe import fringe_of, with_brows_as_dark_as
from easyphoto.paths import Paths

SKIN = 180.0


@pytest.fixture(scope="module")
def plane(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> BlendMask:
    picture = np.asarray(Image.open(astronaut).convert("RGB"))
    (face,) = BuiltinToolbox(Paths(tmp_path_factory.mktemp("data"))).detect(picture)
    return BlendMask(face.mesh * np.float32(2), (2 * picture.shape[1], 2 * picture.shape[0]))


def bare_face(plane: BlendMask) -> np.ndarray:
    return np.full((plane.size[1], plane.size[0], 3), SKIN, np.float32)


def with_fringe(plane: BlendMask, end: float, dark: float = 0.4) -> np.ndarray:
    """Strands from above down to `end` face heights over the brows' middle."""
    picture = bare_face(plane)
    bottom = round(float(plane.mesh[[i for brow in BROWS for i in brow], 1].mean() - end * plane.height))
    for x in range(0, plane.size[0], 6):
        picture[:bottom, x : x + 3] *= dark
    return picture


def test_strands_over_the_brows_are_a_fringe(plane: BlendMask):
    share, dark = fringe_of(plane, with_fringe(plane, -0.01))
    assert share > 0.95
    assert dark == pytest.approx(0.7, abs=0.1)


@pytest.mark.parametrize("end", [0.13, 0.3])
def test_a_fringe_that_ends_over_them_is_none(plane: BlendMask, end: float):
    assert fringe_of(plane, with_fringe(plane, end))[0] == 0


def test_furrows_are_none(plane: BlendMask):
    furrowed = bare_face(plane)
    furrowed[::16] *= 0.5
    furrowed[1::16] *= 0.6
    assert fringe_of(plane, furrowed)[0] == 0


def test_under_a_fringe_both_brows_are_the_templates_however_much_skin_is_seen(plane: BlendMask):
    skin = plane.polygon(OVAL)
    brows = np.maximum(*(plane.around(brow) for brow in BROWS)) > 0.9
    assert np.median(blend_region(plane, skin, skin)[brows]) > 0.9
    assert np.median(blend_region(plane, skin, skin, 1.0)[brows]) < 0.2


@pytest.mark.parametrize(("hair", "darker"), [(0.5, True), (1.0, False)])
def test_the_templates_brows_become_as_dark_as_the_hair(plane: BlendMask, hair: float, darker: bool):
    pale = bare_face(plane)
    brows = np.maximum(*(plane.around(brow) for brow in BROWS)) > 0.9
    pale[brows] *= 0.7
    moved = with_brows_as_dark_as(plane, pale, hair, 1.0)
    assert (moved[brows].mean() < 0.95 * pale[brows].mean()) == darker
    far = plane.grow(brows.astype(np.float32), 0.06) < 0.01
    assert np.allclose(moved[far], pale[far], atol=0.5)
    assert (with_brows_as_dark_as(plane, pale, hair, 0.0) == pale).all()
