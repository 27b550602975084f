"""Fine skin texture over a fused face is the template's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.texture import fine_texture, level, plain_skin, with_finest_of, with_texture_of
from easyphoto.paths import Paths, default_root

SIZE = (460, 520)  # width, height


@pytest.fixture(scope="module")
def plane() -> BlendMask:
    paths = Paths(default_root())
    picture = np.asarray(Image.open(paths.samples / "astronaut.png").convert("RGB"))
    face = BuiltinToolbox(paths).detect(picture)[0]
    mesh = face.mesh - np.array([face.box.left, face.box.top, 0], np.float32)
    return BlendMask(np.asarray(mesh * np.float32(400 / face.box.height) + np.float32([40, 50, 0]), np.float32), SIZE)


def skin(grain: float, tone: float = 150.0, seed: int = 0) -> np.ndarray:
    """Flat skin with gray grain of that standard deviation."""
    noise = np.random.default_rng(seed).normal(0, grain, SIZE[::-1]).astype(np.float32)
    return np.asarray([1.1, 0.9, 0.8], np.float32) * tone + cv2.GaussianBlur(noise, (0, 0), 0.7)[..., None]


def measured(picture: np.ndarray, plane: BlendMask) -> float:
    value = level(fine_texture(picture, plane.height)[0], plain_skin(plane))
    assert value is not None
    return value


EVERYWHERE = np.ones(SIZE[::-1], np.float32)


@pytest.mark.parametrize(("own", "theirs"), [(0.5, 6.0), (3.0, 6.0), (8.0, 4.0)])
def test_skin_gets_as_much_texture_as_the_templates(plane: BlendMask, own: float, theirs: float):
    lit, base = skin(own, seed=1), skin(theirs, tone=120, seed=2)
    done = with_texture_of(plane, lit, base, EVERYWHERE, EVERYWHERE)
    was, wanted, now = (measured(picture, plane) for picture in (lit, base, done))
    assert abs(now - wanted) < 0.35 * abs(was - wanted)
    assert np.abs(done.mean((0, 1)) - lit.mean((0, 1))).max() < 0.5
    assert np.array_equal(done[plain_skin(plane) == 0], lit[plain_skin(plane) == 0])  # eyes, mouth and outside


def test_nothing_is_laid_on_where_the_template_shows_no_skin(plane: BlendMask):
    lit, base = skin(0.5, seed=1), skin(6.0, seed=2)
    hair = EVERYWHERE.copy()
    hair[:, : SIZE[0] // 2] = 0
    done = with_texture_of(plane, lit, base, EVERYWHERE, hair)
    assert np.array_equal(done[:, : SIZE[0] // 2], lit[:, : SIZE[0] // 2])
    assert not np.array_equal(done, lit)
    assert with_texture_of(plane, lit, base, EVERYWHERE, 0 * EVERYWHERE) is lit


def test_what_enlarging_loses_comes_back_on_plain_skin(plane: BlendMask):
    grain = np.random.default_rng(3).normal(0, 2, (SIZE[1] * 2, SIZE[0] * 2)).astype(np.float32)
    large = np.clip(np.float32([165, 135, 120]) + grain[..., None], 0, 255).astype(np.uint8)
    face = np.full_like(large, 140)
    done = with_finest_of(large, face, plane).astype(float)
    inside = cv2.resize(plain_skin(plane), (SIZE[0] * 2, SIZE[1] * 2)) > 0.9
    outside = cv2.resize(plain_skin(plane), (SIZE[0] * 2, SIZE[1] * 2)) == 0
    assert done[inside].std() > 1.0 and abs(done[inside].mean() - 140) < 0.5
    assert np.all(done[outside] == 140)


def test_cheeks_are_as_smooth_as_the_templates_however_rough_its_chin_is(plane: BlendMask):
    lit, base = skin(4.0, seed=1), skin(2.0, seed=2)
    rough = plane.cheeks() < 0.1
    base[rough] = skin(8.0, seed=3)[rough]
    done = with_texture_of(plane, lit, base, EVERYWHERE, EVERYWHERE)
    was, wanted, now = (level(fine_texture(one, plane.height)[0], plane.cheeks()) for one in (lit, base, done))
    assert was and wanted and now
    assert abs(now - wanted) < 0.35 * abs(was - wanted)
