"""Colors near eyes and brows."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.relight import calmed
from easyphoto.images import lab_to_rgb, rgb_to_lab
from easyphoto.paths import Paths


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """A frontal face of about 200 pixels in a picture of 320 x 320."""
    file = Path(__file__).resolve().parents[2] / "models" / "samples" / "astronaut.png"
    picture = np.asarray(Image.open(file).convert("RGB"))
    (face,) = BuiltinToolbox(Paths(tmp_path_factory.mktemp("data"))).detect(picture)
    scale = 200 / face.box.width
    points = (face.mesh - np.array([*face.box.center, 0])) * scale
    return (points + np.array([160, 160, 0])).astype(np.float32)


@pytest.fixture
def plane(mesh: np.ndarray) -> BlendMask:
    return BlendMask(mesh, (320, 320))


def test_violet_lids_become_skin_and_eyes_stay(plane: BlendMask):
    skin, violet = (lab_to_rgb(np.array([lab], np.float32))[0] for lab in ((65, 14, 18), (55, 25, -20)))
    low = np.broadcast_to(skin, (320, 320, 3)).astype(np.float32)
    picture, where = low.copy(), plane.sockets()
    picture[where > 0.02] = violet
    calm = rgb_to_lab(np.clip(np.rint(calmed(picture, low, where)), 0, 255).astype(np.uint8))
    assert np.linalg.norm(calm[where > 0.99][:, 1:] - [12, 15], axis=1).max() < 9
    eye = plane.mesh[[33, 133, 159, 145], :2].mean(0).round().astype(int)
    assert where[eye[1], eye[0]] < 0.05
    assert np.allclose(calmed(picture, low, np.zeros_like(where)), picture, atol=0.6)
