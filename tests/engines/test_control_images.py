from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from easyphoto.domain import Box, Face, HintKind, Pose
from easyphoto.engines.control_images import control_image

POINTS = np.array([[40, 50], [80, 50], [60, 70], [45, 90], [75, 90]], np.float32)
FACE = Face(Box(20, 20, 100, 120), POINTS, 1.0, Pose(0, 0, 0))


@pytest.mark.parametrize("kind", list(HintKind))
@settings(max_examples=12, deadline=None)
@given(size=st.tuples(st.integers(16, 200), st.integers(16, 200)))
def test_same_size_and_rgb(kind: HintKind, size: tuple[int, int]):
    drawn = control_image(kind, Image.new("RGB", size, (200, 120, 80)), [FACE])
    assert drawn.size == size
    assert drawn.mode == "RGB"


@pytest.mark.parametrize("kind", list(HintKind))
def test_the_picture_is_left_as_it_was(kind: HintKind, picture: Image.Image):
    before = picture.tobytes()
    control_image(kind, picture, [FACE])
    assert picture.tobytes() == before


def test_canny_draws_white_lines_where_the_edges_are():
    picture = Image.new("RGB", (100, 60))
    ImageDraw.Draw(picture).rectangle((50, 0, 99, 59), fill="white")
    edges = np.asarray(control_image(HintKind.CANNY, picture, []))
    assert set(np.unique(edges)) == {0, 255}
    assert abs(np.nonzero(edges[30, :, 0])[0].mean() - 50) <= 1.5


def test_color_is_flat_blocks_with_the_pictures_mean():
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 255, (512, 512, 3), dtype=np.uint8))
    blocks = np.asarray(control_image(HintKind.COLOR, picture, [])).astype(float)
    steps = np.abs(np.diff(blocks[:, 100], axis=0)).sum(1) > 3
    assert 30 <= steps.sum() <= 2 * 512 // 12  # blocks of about 12 px here, 24 at a short side of 1024
    assert np.abs(blocks.mean((0, 1)) - np.asarray(picture).mean((0, 1))).max() < 1


def test_tile_takes_fine_detail_only():
    fine = Image.fromarray((np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)).convert("RGB")
    coarse = Image.linear_gradient("L").resize((64, 64)).convert("RGB")
    assert np.asarray(control_image(HintKind.TILE, fine, [])).std() < 10
    change = np.abs(np.asarray(control_image(HintKind.TILE, coarse, [])).astype(int) - np.asarray(coarse))
    assert change.max() <= 6


def test_pose_has_its_joints_at_the_five_points():
    drawn = np.asarray(control_image(HintKind.POSE, Image.new("RGB", (120, 140), "white"), [FACE]))
    assert tuple(drawn[70, 60]) == (255, 0, 0)  # nose: OpenPose's joint 0
    assert drawn[50, 40].any()
    assert drawn[50, 80].any()
    assert not drawn[5, 5].any()


def test_pose_of_nobody_is_black():
    assert not np.asarray(control_image(HintKind.POSE, Image.new("RGB", (60, 60), "white"), [])).any()


def test_pose_draws_seventy_dots_of_the_mesh():
    mesh = np.zeros((468, 3), np.float32)
    mesh[:, 0], mesh[:, 1] = np.arange(468) % 26 * 20 + 10, np.arange(468) // 26 * 20 + 10
    face = Face(Box(0, 0, 80, 80), mesh[[0, 1, 2, 3, 4], :2], 1.0, Pose(0, 0, 0), mesh)
    drawn = np.asarray(control_image(HintKind.POSE, Image.new("RGB", (540, 400)), [face]))
    white = (drawn == 255).all(-1)
    assert 60 <= sum(white[int(y), int(x)] for x, y, _ in mesh) <= 68
