import numpy as np
import pytest
from PIL import Image

from easyphoto.demo.augment import CameraShot, take, turned
from easyphoto.demo.samples import SHOTS, make_samples
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.paths import Paths, shipped_models

ASTRONAUT = shipped_models() / "samples" / "astronaut.png"


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return BuiltinToolbox(Paths(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def portrait(faces):
    pixels = np.asarray(Image.open(ASTRONAUT).convert("RGB"))
    return pixels, faces.detect(pixels)[0]


@pytest.fixture(scope="module")
def samples(faces, tmp_path_factory):
    return make_samples(Paths(tmp_path_factory.mktemp("home")), tmp_path_factory.mktemp("samples"), faces)


@pytest.mark.parametrize("yaw", [-10.0, 10.0])
def test_the_head_turns_as_asked(faces, portrait, yaw):
    pixels, face = portrait
    seen = faces.detect(turned(pixels, face, CameraShot(yaw=yaw)))[0]
    assert seen.pose.yaw - face.pose.yaw == pytest.approx(yaw, abs=4)


def test_same_seed_same_bytes_other_seed_other_noise(portrait):
    pixels, face = portrait
    shots = [take(pixels, face, CameraShot(), (96, 120), np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert shots[0] == shots[1]
    assert shots[0] != shots[2]


@pytest.mark.slow
def test_eight_photos_of_one_person(faces, samples):
    vectors = []
    for file in samples.photos:
        pixels = np.asarray(Image.open(file))
        found = faces.detect(pixels)
        assert len(found) == 1
        assert found[0].box.width > 200
        vectors.append(faces.embed(pixels, found[0]))
    rows = np.stack(vectors)
    assert len(rows) == len(SHOTS) == 8
    assert np.linalg.norm(rows[:, None] - rows[None], axis=-1).max() < faces.recognizer.strict


@pytest.mark.slow
def test_templates_show_somebody_else(faces, samples):
    shown = np.asarray(Image.open(samples.photos[0]))
    person = faces.embed(shown, faces.detect(shown)[0])
    for file in samples.templates:
        pixels = np.asarray(Image.open(file))
        assert min(pixels.shape[:2]) >= 768
        assert np.linalg.norm(faces.embed(pixels, faces.detect(pixels)[0]) - person) > 0.55
