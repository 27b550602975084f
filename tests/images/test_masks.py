"""Masks: blending, feathering, growing and shrinking."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from arrays import noise
from hypothesis import given, settings
from hypothesis import strategies as st

from easyphoto import images


def square(side: int, low: int, high: int) -> np.ndarray:
    mask = np.zeros((side, side), np.uint8)
    mask[low:high, low:high] = 255
    return mask


def test_blend_is_exact_at_both_ends_and_halfway_by_hand():
    base, top = noise(16, 16, 1), noise(16, 16, 2)
    mask = np.zeros((16, 16), np.uint8)
    mask[4:8], mask[8:12] = 255, 128
    out = images.blend(base, top, mask)
    assert np.array_equal(out[:4], base[:4]) and np.array_equal(out[4:8], top[4:8])
    by_hand = np.rint(base[8:12] * (127 / 255) + top[8:12] * (128 / 255))
    assert np.array_equal(out[8:12], by_hand)


def test_blend_takes_float_masks_and_gray_pictures():
    base, top = noise(4, 4, 1)[..., 0], noise(4, 4, 2)[..., 0]
    assert np.array_equal(images.blend(base, top, np.ones((4, 4), np.float32)), top)
    assert np.array_equal(images.blend(base, top, np.zeros((4, 4), np.float32)), base)


@given(st.integers(0, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_feather_never_leaves_its_limit(radius: int, seed: int):
    rng = np.random.default_rng(seed)
    limit = (rng.random((40, 50)) > 0.2).astype(np.uint8) * 255
    mask = np.minimum(limit, (rng.random((40, 50)) * 255).astype(np.uint8))
    assert np.all(images.feather(mask, radius, limit)[limit == 0] == 0)
    assert np.all(images.feather(limit, radius)[limit == 0] == 0)


def test_feather_is_soft_full_in_the_middle_and_flat_at_the_frame():
    soft = images.feather(square(80, 10, 70), 6)
    row = soft[40].astype(int)
    assert row[40] == 255 and row[9] == 0 and np.all(np.diff(row[9:40]) >= 0) and len(set(row[9:40])) > 6
    assert np.all(images.feather(np.full((20, 20), 255, np.uint8), 5) == 255)


def test_grow_and_shrink_by_hand():
    mask = square(40, 15, 25)
    assert images.grow(mask, 3)[20].nonzero()[0].tolist() == list(range(12, 28))
    assert images.shrink(mask, 3)[20].nonzero()[0].tolist() == list(range(18, 22))
    assert np.array_equal(images.grow(mask, -3), images.shrink(mask, 3))
    assert np.array_equal(images.grow(mask, 0.4), mask)


def by_disc(mask: np.ndarray, radius: int, how) -> np.ndarray:
    """Growing and shrinking as they are defined: the extreme over every pixel of a disc."""
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return how(mask, (x * x + y * y <= (radius + 0.5) ** 2).astype(np.uint8))


@given(st.integers(1, 20), st.sampled_from([0.0, 0.02, 0.5, 0.98, 1.0]), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_distances_grow_and_shrink_as_discs_do(radius: int, share: float, seed: int):
    mask = (np.random.default_rng(seed).random((60, 45)) < share).astype(np.uint8) * 255
    assert np.array_equal(images.grow(mask, radius), by_disc(mask, radius, cv2.dilate))
    assert np.array_equal(images.shrink(mask, radius), by_disc(mask, radius, cv2.erode))


def test_growing_costs_the_same_for_every_radius():
    mask = square(700, 300, 400)

    def seconds(radius: int) -> float:
        times = []
        for _ in range(5):
            start = time.process_time()
            images.grow(mask, radius)
            times.append(time.process_time() - start)
        return min(times)

    seconds(4)
    assert seconds(160) < 4 * seconds(10)  # by discs it is some hundred times as much


@pytest.mark.parametrize("radius", [33, 64])
def test_wide_feathers_agree_with_the_gaussian_they_stand_for(radius: int):
    mask = np.zeros((500, 400), np.uint8)
    cv2.ellipse(mask, (190, 250), (150, 210), 20, 0, 360, 255, -1)
    side = 2 * radius + 1
    inner = cv2.erode(mask, np.ones((side, side), np.uint8))
    exact = cv2.GaussianBlur(inner, (side, side), radius / 2, borderType=cv2.BORDER_REPLICATE)
    soft = images.feather(mask, radius)
    assert np.abs(soft.astype(int) - exact).max() <= 6
    assert not soft[mask == 0].any()


def test_extent_of_a_mask():
    mask = np.zeros((30, 40), np.uint8)
    assert mask[images.extent(mask)].size == 0
    mask[4, 7], mask[9, 3] = 1, 255
    assert images.extent(mask) == (slice(4, 10), slice(3, 8))


def test_multiband_keeps_the_base_where_the_mask_is_zero_and_equals_plain_blend_in_flat_areas():
    base, top = np.full((96, 96, 3), 60, np.uint8), np.full((96, 96, 3), 180, np.uint8)
    mask = square(96, 16, 80)
    out = images.multiband_blend(base, top, mask)
    assert np.array_equal(out[mask == 0], base[mask == 0])
    assert abs(int(out[48, 48, 0]) - 180) <= 6
    same = noise(37, 53)
    assert np.abs(images.multiband_blend(same, same, square(53, 9, 30)[:, :37]).astype(int) - same).max() <= 1
