"""The guided filter and the detail boost."""

from __future__ import annotations

import numpy as np
import pytest

from easyphoto.faces.builtin.sharpen import sharpen
from easyphoto.faces.guided_filter import guided_filter, luma


def step(noise: float) -> np.ndarray:
    values = np.zeros((60, 80), np.float32)
    values[:, 40:] = 1
    return values + np.random.default_rng(0).normal(0, noise, values.shape).astype(np.float32)


def test_guided_filter_smooths_noise_and_keeps_the_edge():
    out = guided_filter(step(0.05), step(0.05), 4, 0.01)
    assert out[:, 5:30].std() < 0.02
    assert out[30, 44] - out[30, 35] > 0.9


def test_guided_filter_of_a_constant_is_the_constant():
    out = guided_filter(step(0.1), np.full((60, 80), 0.3, np.float32), 3, 1e-3)
    assert np.allclose(out, 0.3, atol=1e-5)


def test_fast_variant_agrees_with_the_full_one():
    y, x = np.mgrid[:256, :256].astype(np.float32) / 256
    guide = np.asarray((np.sin(9 * x) + np.cos(7 * y)) / 4 + 0.5, np.float32)
    full, fast = (guided_filter(guide, guide, 12, 0.01, side) for side in (0, 128))
    assert np.abs(full - fast).max() < 0.02


def test_luma_is_rec_601():
    assert luma(np.array([[[255, 0, 0]]], np.uint8))[0, 0] == pytest.approx(0.299, abs=0.003)


def texture() -> np.ndarray:
    y, x = np.mgrid[:64, :64]
    wave = 128 + 30 * np.sin(x / 2.2) * np.cos(y / 2.7)
    return np.stack([wave, wave * 0.8, wave * 0.6], -1).astype(np.uint8)


@pytest.mark.parametrize(("scale", "side"), [(1.0, 64), (2.0, 128), (1.5, 96), (0.5, 32)])
def test_enhanced_size(scale, side):
    out = sharpen(texture(), scale)
    assert out.shape == (side, side, 3)
    assert out.dtype == np.uint8


def test_detail_rises_and_the_mean_stays():
    out = sharpen(texture(), 1.0)
    assert out[..., 0].std() > 1.05 * texture()[..., 0].std()
    assert abs(float(out.mean()) - float(texture().mean())) < 1


def test_grain_and_flat_areas_are_left_alone():
    flat = np.full((40, 40, 3), 90, np.uint8)
    grain = (flat + np.random.default_rng(0).normal(0, 1.5, flat.shape)).astype(np.uint8)
    assert (sharpen(flat, 1.0) == flat).all()
    assert luma(sharpen(grain, 1.0)).std() < 1.15 * luma(grain).std()


def test_no_halo_beyond_the_neighbourhood():
    edge = np.full((40, 40, 3), 60, np.uint8)
    edge[:, 20:] = 180
    out = sharpen(edge, 1.0)
    assert out.min() >= 60 - 6
    assert out.max() <= 180 + 6


def test_a_scale_of_nothing_is_refused():
    with pytest.raises(ValueError, match="positive"):
        sharpen(texture(), 0.0)
