"""A frame of glasses is not bent along with a cheek."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.frame_shape import with_straight_frame
from easyphoto.paths import Paths


@pytest.fixture(scope="module")
def plane(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> BlendMask:
    picture = np.asarray(Image.open(astronaut).convert("RGB"))
    (face,) = BuiltinToolbox(Paths(tmp_path_factory.mktemp("data"))).detect(picture)
    return BlendMask(face.mesh, (picture.shape[1], picture.shape[0]))


def turned(plane: BlendMask) -> np.ndarray:
    """A map that turns, widens and shifts."""
    y, x = np.mgrid[: plane.size[1], : plane.size[0]].astype(np.float32)
    return np.stack([1.1 * x + 0.2 * y + 5, 0.9 * y - 0.1 * x - 3], -1)


def with_dent(plane: BlendMask, field: np.ndarray, point: int) -> np.ndarray:
    """The same with a dent as a lifted cheek makes one."""
    y, x = np.mgrid[: plane.size[1], : plane.size[0]].astype(np.float32)
    away = np.hypot(x - plane.mesh[point, 0], y - plane.mesh[point, 1]) / (0.04 * plane.height)
    dented = field.copy()
    dented[..., 1] += 0.05 * plane.height * np.exp(-(away**2))
    return dented


def test_what_only_turns_and_widens_stays(plane: BlendMask):
    field = turned(plane)
    assert np.abs(with_straight_frame(plane, field) - field).max() < 0.05


@pytest.mark.parametrize(("point", "left"), [(118, 0.1), (152, 1.0)])  # right under an eye, at the chin
def test_a_dent_under_the_eye_goes_and_one_elsewhere_stays(plane: BlendMask, point: int, left: float):
    even = turned(plane)
    dented = with_dent(plane, even, point)
    x, y = (round(float(value)) for value in plane.mesh[point, :2])
    depth = (with_straight_frame(plane, dented) - even)[y, x, 1] / (dented - even)[y, x, 1]
    assert depth == pytest.approx(left, abs=0.12)
