"""L*a*b* of known colors, and matching the color of one part to another."""

from __future__ import annotations

import numpy as np
import pytest
from arrays import noise

from easyphoto import images


def test_color_of_a_large_part_is_matched_by_samples():
    size = (1300, 1100)  # height, width
    base, goal = noise(size[1], size[0], 1) // 3 + 60, noise(size[1], size[0], 2) // 4 + 110
    mask = np.zeros(size, np.uint8)
    mask[50:1250, 40:1050] = 200
    small = images.match_color(base[50:550, 40:540], goal[50:550, 40:540], mask[50:550, 40:540], mask[50:550, 40:540])
    large = images.match_color(base, goal, mask, mask)
    assert np.abs(large[50:550, 40:540].astype(int) - small).max() <= 2
    assert np.array_equal(large[mask == 0], base[mask == 0])


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [  # CIE D65 values of the sRGB corners, as in any colour table
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((119, 119, 119), (50.03, 0.0, 0.0)),
    ],
)
def test_lab_of_known_colors(rgb: tuple[int, ...], lab: tuple[float, ...]):
    assert images.rgb_to_lab(np.array([[rgb]], np.uint8))[0, 0] == pytest.approx(lab, abs=0.05)


def test_lab_and_back_is_exact_for_a_grid_of_all_colors():
    steps = np.arange(0, 256, 5, dtype=np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    assert np.array_equal(images.lab_to_rgb(images.rgb_to_lab(grid)), grid)


def two_tone(first: float, second: float) -> np.ndarray:
    """Left half L = first, right half L = second, grey."""
    lab = np.zeros((8, 8, 3), np.float32)
    lab[:, :4, 0], lab[:, 4:, 0] = first, second
    return images.lab_to_rgb(lab)


def test_match_color_by_hand():
    # L 48/52: mean 50, spread 2. Reference 57.6/62.4: mean 60, spread 2.4, gain 1.2. So 48 -> 57.6, 52 -> 62.4.
    full = np.full((8, 8), 255, np.uint8)
    out = images.rgb_to_lab(images.match_color(two_tone(48, 52), two_tone(57.6, 62.4), full, full))
    assert out[0, 0, 0] == pytest.approx(57.6, abs=0.35) and out[0, 7, 0] == pytest.approx(62.4, abs=0.35)


def test_match_color_limits_gain_and_shift():
    # spread 2 -> 20 asks for gain 10, gets 1.3; mean 50 -> 75 asks for 25, gets 10: 60 -+ 2.6.
    full = np.ones((8, 8), np.float32)
    out = images.match_color(two_tone(48, 52), two_tone(55, 95), full, full, max_gain=1.3, max_shift=10)
    lab = images.rgb_to_lab(out)
    assert lab[0, 0, 0] == pytest.approx(57.4, abs=0.4) and lab[0, 7, 0] == pytest.approx(62.6, abs=0.4)


def test_match_color_of_a_flat_picture_only_shifts():
    full = np.full((8, 8), 255, np.uint8)
    out = images.rgb_to_lab(images.match_color(two_tone(50, 50), two_tone(50, 70), full, full))
    assert out[..., 0] == pytest.approx(60, abs=0.4)
    flat_goal = images.rgb_to_lab(images.match_color(two_tone(40, 60), two_tone(55, 55), full, full))
    assert flat_goal[0, 0, 0] == pytest.approx(45, abs=0.4)


def test_match_color_touches_nothing_outside_its_mask_and_reads_nothing_outside_the_reference_mask():
    picture, reference = noise(20, 20, 1), noise(30, 10, 2)
    mask = np.zeros((20, 20), np.uint8)
    mask[5:15, 5:15] = 200
    theirs = np.zeros((10, 30), np.uint8)
    theirs[2:8, 4:20] = 255
    out = images.match_color(picture, reference, mask, theirs)
    assert np.array_equal(out[mask == 0], picture[mask == 0]) and not np.array_equal(out, picture)
    poisoned = np.where(theirs[..., None] > 0, reference, 255).astype(np.uint8)
    assert np.array_equal(out, images.match_color(picture, poisoned, mask, theirs))


def test_match_color_with_an_empty_mask_is_a_copy():
    picture, none = noise(6, 6), np.zeros((6, 6), np.uint8)
    out = images.match_color(picture, picture, none, none)
    assert np.array_equal(out, picture) and out is not picture
