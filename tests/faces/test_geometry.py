"""Alignment, boxes and angles, by their properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from easyphoto.domain import Box, Face, Pose
from easyphoto.faces import geometry as geo

coordinate = st.floats(-500, 500, allow_nan=False)
angle = st.floats(-80, 80)
scale = st.floats(0.05, 20)
seeds = st.integers(0, 2**32 - 1)


def cloud(seed: int, count: int, dims: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 50, (count, dims))


def turn_2d(degrees: float) -> np.ndarray:
    a = np.deg2rad(degrees)
    return np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])


@given(seeds, st.floats(-180, 180), scale, coordinate, coordinate)
def test_similarity_is_recovered(seed, degrees, s, x, y):
    src = cloud(seed, 5, 2)
    truth = np.hstack([s * turn_2d(degrees), [[x], [y]]])
    found = geo.similarity_transform(src, geo.transform_points(truth, src))
    assert np.allclose(found, truth, atol=1e-6 * max(1, s))


@given(seeds, angle, angle, angle, scale)
def test_umeyama_3d_is_recovered(seed, yaw, pitch, roll, s):
    src, R, t = cloud(seed, 12, 3), geo.rotation_of(Pose(yaw, pitch, roll)), np.array([3.0, -7.0, 11.0])
    got_s, got_R, got_t = geo.umeyama_3d(src, s * src @ R.T + t)
    assert got_s == pytest.approx(s, rel=1e-6)
    assert np.allclose(got_R, R, atol=1e-6)
    assert np.allclose(got_t, t, atol=1e-4 * max(1, s))


@given(seeds)
def test_umeyama_never_mirrors(seed):
    src = cloud(seed, 8, 3)
    _, R, _ = geo.umeyama_3d(src, src * [-1, 1, 1])
    assert np.linalg.det(R) == pytest.approx(1.0)


def test_similarity_is_the_least_squares_one():
    rng = np.random.default_rng(1)
    src, dst = rng.normal(0, 30, (5, 2)), rng.normal(0, 30, (5, 2))
    best = geo.similarity_transform(src, dst)

    def loss(m: np.ndarray) -> float:
        return float(((geo.transform_points(m, src) - dst) ** 2).sum())

    for _ in range(50):
        a, b, x, y = rng.normal(0, 0.02, 4)
        other = best + np.array([[a, -b, x], [b, a, y]])
        assert loss(other) >= loss(best)


@pytest.mark.parametrize(
    ("src", "dst"), [([[1, 1], [1, 1]], [[0, 0], [1, 1]]), ([[0, 0]], [[1, 1]]), ([[0, 0], [1, 0]], [[0, 0]])]
)
def test_no_similarity_from_too_little(src, dst):
    with pytest.raises(ValueError, match="point"):
        geo.similarity_transform(src, dst)


@given(seeds, st.floats(-180, 180), scale, coordinate)
def test_invert_and_compose(seed, degrees, s, x):
    m = np.hstack([s * turn_2d(degrees), [[x], [-x]]])
    points = cloud(seed, 6, 2)
    assert np.allclose(geo.transform_points(geo.compose(geo.invert(m), m), points), points, atol=1e-6)
    assert geo.scale_of(m) == pytest.approx(s)


@given(coordinate, coordinate, st.floats(5, 400), st.floats(-180, 180))
def test_square_crop_puts_the_center_in_the_middle_and_levels(x, y, side, degrees):
    m = geo.square_crop((x, y), side, degrees, 192)
    along = turn_2d(degrees) @ [side / 2, 0]
    middle, edge = geo.transform_points(m, [[x, y], [x + along[0], y + along[1]]])
    assert np.allclose(middle, 96, atol=1e-6)
    assert np.allclose(edge, [192, 96], atol=1e-6)


@given(angle, angle, st.floats(-175, 175))
def test_pose_of_a_known_rotation(yaw, pitch, roll):
    found = geo.pose_of(geo.rotation_of(Pose(yaw, pitch, roll)))
    assert (found.yaw, found.pitch, found.roll) == pytest.approx((yaw, pitch, roll), abs=1e-6)


def test_signs_of_the_pose():
    nose = np.array([0.0, 0.0, -1.0])  # towards the viewer
    right = geo.rotation_of(Pose(30, 0, 0)) @ nose
    up = geo.rotation_of(Pose(0, 30, 0)) @ nose
    eye_line = geo.rotation_of(Pose(0, 0, 30)) @ [1, 0, 0]
    assert right[0] > 0.4  # the viewer's right
    assert up[1] < -0.4  # y runs down
    assert eye_line[1] > 0.4  # the right end of the eye line sinks: clockwise


def level_mesh() -> np.ndarray:
    """A mesh of nothing but what the axes need: symmetric sides, forehead above the chin."""
    rng = np.random.default_rng(0)
    mesh = rng.normal(0, 30, (468, 3))
    for (left, right), height in zip(geo._SIDES, (-20, -18, 30, 0, -10, 20), strict=True):
        mesh[left], mesh[right] = (-40, height, 5), (40, height, 5)
    a = np.deg2rad(geo.PITCH_OFFSET)
    mesh[geo.FOREHEAD] = (0, -60 * np.cos(a), 60 * np.sin(a))
    mesh[geo.CHIN] = (0, 60 * np.cos(a), -60 * np.sin(a))
    return mesh


@given(angle, st.floats(-50, 50), st.floats(-170, 170), scale)
def test_pose_from_a_turned_mesh(yaw, pitch, roll, s):
    """The mesh's own pitch is undone first: what is left is the turn."""
    own = geo.rotation_of(Pose(0, geo.PITCH_OFFSET, 0))
    want = geo.rotation_of(Pose(yaw, pitch + geo.PITCH_OFFSET, roll))
    turned = s * level_mesh() @ (want @ own.T).T + [100, 50, 0]
    found = geo.pose_from_mesh(turned)
    assert (found.yaw, found.pitch, found.roll) == pytest.approx((yaw, pitch, roll), abs=1e-4)


@given(angle, angle, angle, angle)
def test_pose_gap_is_a_distance_that_ignores_roll(yaw, pitch, roll, other):
    one, two = Pose(yaw, pitch, roll), Pose(other, pitch / 2, 0)
    assert geo.pose_gap(one, Pose(yaw, pitch, 0)) == pytest.approx(0, abs=1e-4)
    assert geo.pose_gap(one, two) == pytest.approx(geo.pose_gap(two, one), abs=1e-6)


def test_pose_gap_of_a_plain_turn():
    assert geo.pose_gap(Pose(0, 0, 0), Pose(25, 0, 40)) == pytest.approx(25)


@given(seeds)
def test_box_of_holds_all_points(seed):
    points = cloud(seed, 20, 3)
    box = geo.box_of(points)
    assert (points[:, 0] >= box.left).all()
    assert (points[:, 1] <= box.bottom).all()
    assert box.left == points[:, 0].min()
    assert box.bottom == points[:, 1].max()


@given(coordinate, coordinate, st.floats(1, 100), st.floats(1, 100), st.floats(0.1, 4))
def test_square_of_keeps_the_center(x, y, w, h, ratio):
    box = Box(x, y, x + w, y + h)
    square = geo.square_of(box, ratio)
    assert square.width == pytest.approx(square.height, abs=1e-6)
    assert square.width == pytest.approx(max(w, h) * ratio, abs=1e-6)
    assert square.center == pytest.approx(box.center, abs=1e-6)


def test_faces_stand_from_left_to_right():
    def face(x: float) -> Face:
        return Face(Box(x, 0, x + 10, 10), np.zeros((5, 2), np.float32), 1.0, Pose(0, 0, 0))

    order = geo.left_to_right([face(30), face(-5), face(12)])
    assert [f.box.left for f in order] == [-5, 12, 30]
