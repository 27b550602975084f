"""Angles, closeness, crops, sharpness and fingerprints of single photos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from prepare_world import ANNA, Toolbox, anna, draw

from easyphoto.domain import Box, Face, Floats, Pixels, Pose
from easyphoto.faces.base import Recognizer
from easyphoto.images import pixels
from easyphoto.training.crops import max_crop_ratio, moved, square_round, training_picture
from easyphoto.training.photo_checks import angle_score, closeness
from easyphoto.training.photo_metrics import fingerprint, measure_photo, sharpness


@given(st.floats(-90, 90), st.floats(-90, 90), st.floats(-90, 90))
def test_angle_score_is_highest_straight_on(yaw: float, pitch: float, roll: float):
    score = angle_score(Pose(yaw, pitch, roll))
    assert 0 <= score <= angle_score(Pose(0, 0, 0)) == 1
    assert score == angle_score(Pose(-yaw, -pitch, -roll))


def test_angle_score_by_hand():
    assert angle_score(Pose(45, 0, 0)) == pytest.approx(0.5)  # the original gave a profile with level eyes 1.0
    assert angle_score(Pose(90, 0, 0)) == 0 and angle_score(Pose(0, 0, 90)) == 0


def test_closeness_falls_with_distance():
    scale = Recognizer("x", same=0.6, strict=0.5)
    assert closeness(0.6, scale) == pytest.approx(0.5)
    assert closeness(0.0, scale) > closeness(0.3, scale) > closeness(0.9, scale) > closeness(1e6, scale) >= 0


@given(st.floats(0.1, 5), st.floats(-300, 300), st.floats(-300, 300))
def test_a_moved_face_keeps_its_shape(scale: float, x: float, y: float):
    points = np.array([[10, 20], [30, 20], [20, 30], [12, 40], [28, 40]], np.float32)
    mesh = np.ones((468, 3), np.float32)
    face = Face(Box(0, 0, 40, 50), points, 1.0, Pose(0, 0, 0), mesh)
    there = moved(face, scale, (x, y))
    assert there.box.width == pytest.approx(40 * scale, abs=1e-3)
    assert there.points == pytest.approx(points * scale + (x, y), abs=1e-2)
    assert there.mesh is not None and there.mesh[:, 2] == pytest.approx(scale)


def test_the_crop_is_three_widths_whatever_the_turn():
    face = Face(Box(100, 100, 200, 230), np.zeros((5, 2), np.float32), 1.0, Pose(0, 0, 0))
    assert square_round(face) == Box(0, 15, 300, 315)
    narrow = replace(face, box=Box(120, 100, 180, 230))
    assert square_round(narrow).width == pytest.approx(300)


def test_a_neighbour_narrows_the_crop():
    def at(x: float) -> Face:
        return Face(Box(x - 50, 0, x + 50, 130), np.zeros((5, 2), np.float32), 1.0, Pose(0, 0, 0))

    me = at(500)
    assert max_crop_ratio(me, [me]) == 3.0
    assert max_crop_ratio(me, [me, at(700)]) == 3.0
    assert max_crop_ratio(me, [me, at(635)]) == 2.5
    assert max_crop_ratio(me, [me, at(610)]) == 2.0
    assert max_crop_ratio(me, [me, at(580)]) == 1.5


def test_sharpness_does_not_depend_on_the_photos_size():
    import cv2

    rng = np.random.default_rng(0)
    face = cv2.GaussianBlur(rng.integers(0, 256, (208, 160), dtype=np.uint8), (0, 0), 1.0)
    large = cv2.resize(face, (640, 832), interpolation=cv2.INTER_CUBIC)
    assert sharpness(large) == pytest.approx(sharpness(face), rel=0.1)
    assert sharpness(cv2.GaussianBlur(face, (0, 0), 4)) < 0.3 * sharpness(face)
    assert sharpness(face[:4, :4]) == 0.0 and sharpness(np.full((100, 100), 128, np.uint8)) == 0.0


def test_the_fingerprint_survives_scaling_and_light():
    scene = draw([((450, 350), 200, ANNA)], seed=3)
    other = draw([((450, 350), 200, ANNA)], seed=4)
    small = pixels(Image.fromarray(scene).resize((450, 350)))
    brighter = np.clip(scene.astype(int) + 15, 0, 255).astype(np.uint8)
    assert (fingerprint(scene) != fingerprint(small)).sum() <= 4
    assert (fingerprint(scene) != fingerprint(brighter)).sum() <= 4
    assert (fingerprint(scene) != fingerprint(other)).sum() > 10


def test_a_photo_looked_at_keeps_no_pixels(tmp_path: Path):
    seen = measure_photo(anna(tmp_path, 1)[0], Toolbox())
    held = [v for v in vars(seen).values() if isinstance(v, np.ndarray)]
    assert sum(v.size for v in held) <= 64


def test_training_picture_shrinks_to_a_sane_size():
    class Cutter(Toolbox):
        def embed(self, picture: Pixels, face: Face) -> Floats:
            raise AssertionError("not needed")

    from easyphoto.training.crops import FaceCutout

    face = Face(Box(500, 400, 1000, 1050), np.zeros((5, 2), np.float32), 1.0, Pose(0, 0, 0))
    cut = FaceCutout(np.full((1500, 1500, 3), 90, np.uint8), face, square_round(face))
    assert [one.size for one in training_picture(cut, Cutter())] == [(1024, 1024)] * 2
