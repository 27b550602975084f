import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from easyphoto.demo.augment import CameraShot, take, turned
from easyphoto.demo.samples import SHOTS, STRANGERS, make_samples
from easyphoto.demo.synthetic_identity import SLIDERS, morphed
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.geometry import pose_from_mesh
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
    return make_samples(ASTRONAUT, tmp_path_factory.mktemp("samples"), faces)


def test_morphing_with_nothing_changes_nothing(portrait):
    mesh = portrait[1].mesh
    assert np.allclose(morphed(mesh, dict.fromkeys(SLIDERS, 0.0)), mesh, atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(name=st.sampled_from(sorted(SLIDERS)), amount=st.floats(-0.03, 0.03))
def test_a_slider_keeps_the_pose(portrait, name, amount):
    mesh = portrait[1].mesh
    before, after = pose_from_mesh(mesh), pose_from_mesh(morphed(mesh, {name: amount}))
    assert abs(after.yaw - before.yaw) < 1.5
    assert abs(after.roll - before.roll) < 1.5


def test_an_unknown_slider_is_refused(portrait):
    with pytest.raises(KeyError):
        morphed(portrait[1].mesh, {"ears": 0.1})


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


def test_shipped_templates_are_the_strangers():
    shipped = {file.stem for file in (shipped_models() / "templates").glob("*.jpg")}
    assert set(STRANGERS) <= shipped
