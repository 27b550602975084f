"""Distances, centre, outliers and words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from easyphoto.domain import LikenessLevel
from easyphoto.faces.base import Recognizer
from easyphoto.faces.likeness import distance, distances, level_of, outliers, robust_center

RULER = Recognizer("test", same=0.6, strict=0.5)


def crowd(count: int, strangers: int, seed: int = 0) -> np.ndarray:
    """Rows about one point, then rows about another at distance 1."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, 0.02, (count + strangers, 128))
    rows[count:, 0] += 1
    return rows.astype(np.float32)


def test_distances_by_hand():
    assert distances([[3, 4], [0, 0]], [0, 0]).tolist() == [5, 0]
    assert distance([1, 1], [1, 2]) == 1


def test_strangers_hardly_move_the_center():
    clean, mixed = robust_center(crowd(9, 0)), robust_center(crowd(9, 4))
    mean = crowd(9, 4).mean(0)
    assert distance(clean, mixed) < 0.15
    assert distance(clean, mixed) < distance(clean, mean) / 2


@given(st.integers(0, 1000))
def test_the_center_has_the_least_sum_of_distances(seed):
    rows = np.random.default_rng(seed).normal(0, 1, (7, 3))
    center = robust_center(rows, rounds=500)
    around = center + np.random.default_rng(seed + 1).normal(0, 0.05, (20, 3))
    assert distances(rows, center).sum() <= min(distances(rows, spot).sum() for spot in around) + 1e-3


def test_the_center_of_one_is_itself_and_of_none_an_error():
    assert robust_center([[1.0, 2.0]]).tolist() == [1, 2]
    with pytest.raises(ValueError, match="n > 0"):
        robust_center(np.zeros((0, 128)))


def test_outliers_are_the_strangers():
    assert outliers(crowd(6, 2), RULER).tolist() == [False] * 6 + [True] * 2
    assert outliers(crowd(1, 1), RULER).tolist() == [False, False]  # of two, nobody is the odd one


def test_words_go_from_same_to_other():
    assert [level_of(gap, RULER) for gap in (0.2, 0.55, 0.7, 0.9)] == list(LikenessLevel)
