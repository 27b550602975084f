"""BlazeFace's anchors and views, and the merging of boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from easyphoto.domain import Box
from easyphoto.faces.builtin.detector import BACK, FULL, Candidate, merge, tile_views, whole_view
from easyphoto.faces.geometry import invert, transform_points


def candidate(left: float, score: float, net: str = "back", side: float = 100) -> Candidate:
    return Candidate(Box(left, 0, left + side, side), np.full((6, 2), left), score, frozenset([net]))


def blank(width: int, height: int) -> np.ndarray:
    return np.zeros((height, width, 3), np.uint8)


def test_anchors_as_published():
    assert BACK.anchors().shape == (896, 2)
    assert FULL.anchors().shape == (2304, 2)
    assert BACK.anchors()[:3].tolist() == [[1 / 32, 1 / 32], [1 / 32, 1 / 32], [3 / 32, 1 / 32]]  # row by row, in pairs
    assert BACK.anchors()[512:518].tolist() == [[1 / 16, 1 / 16]] * 6
    assert FULL.anchors()[1].tolist() == [1.5 / 48, 0.5 / 48]


def test_merging_takes_the_mean_by_score_and_remembers_who_saw():
    (one,) = merge([candidate(0, 0.9), candidate(20, 0.3, "full")])
    assert one.box.left == pytest.approx(5)  # (0 x 0.9 + 20 x 0.3) / 1.2
    assert one.points[0, 0] == pytest.approx(5)
    assert one.score == 0.9
    assert one.seen_by == {"back", "full"}


def test_merging_keeps_neighbours_apart_surest_first():
    found = merge([candidate(0, 0.6), candidate(90, 0.8), candidate(300, 0.7)])
    assert [c.box.left for c in found] == [90, 300, 0]


def test_merging_nothing():
    assert merge([]) == []


@given(st.integers(1, 900), st.integers(1, 900), st.sampled_from([0, 90, -90, 180]), st.floats(0.3, 1.0))
def test_the_whole_picture_lies_in_the_view(width, height, angle, zoom):
    view = whole_view(blank(width, height), zoom, angle)
    corners = transform_points(view, [[0, 0], [width, 0], [width, height], [0, height]])
    assert corners.min() >= -1e-9
    assert corners.max() <= 1 + 1e-9
    assert np.ptp(corners, axis=0).max() == pytest.approx(zoom)


@given(st.integers(10, 900), st.integers(10, 900), st.integers(2, 3))
def test_tiles_leave_no_gap(width, height, count):
    views = tile_views(blank(width, height), count)
    spots = np.random.default_rng(0).uniform(0, 1, (40, 2)) * [width, height]
    seen = [(transform_points(v, spots) > -1e-9).all(1) & (transform_points(v, spots) < 1 + 1e-9).all(1) for v in views]
    assert np.any(seen, axis=0).all()


def test_tiles_overlap():
    views = tile_views(blank(600, 300), 2)
    lefts = sorted(float(transform_points(invert(v), [[0, 0]])[0, 0]) for v in views)
    side = 600 / (1 + 2 / 3)
    assert len(views) == 2
    assert lefts[1] - lefts[0] < side * 0.7
