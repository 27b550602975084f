"""Sizes and cutting, by hand calculation and by properties."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from arrays import noise
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from easyphoto import images
from easyphoto.domain import Box
from easyphoto.errors import BadPicture, BadRequest


def test_importing_pictures_brings_no_cv2():
    code = "import sys, easyphoto.images; sys.exit('cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pixels_and_picture_are_inverse():
    array = noise(5, 3)
    assert np.array_equal(images.pixels(images.picture(array)), array)
    assert images.picture(array[..., 0]).mode == "L"


@pytest.mark.parametrize("array", [np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2, 3)), np.zeros((0, 2, 3), np.uint8)])
def test_what_is_no_picture_is_refused(array: np.ndarray):
    with pytest.raises(BadPicture):
        images.picture(array)


@given(st.integers(1, 400), st.integers(1, 400), st.integers(8, 128), st.sampled_from([1, 8, 32]))
@settings(max_examples=40, deadline=None)
def test_short_side_is_met_and_sides_are_multiples(width: int, height: int, px: int, multiple: int):
    out = images.resize_short_side(Image.new("RGB", (width, height)), px, multiple)
    assert min(out.size) == max(multiple, px // multiple * multiple)
    assert out.width % multiple == 0 and out.height % multiple == 0


def test_resize_short_side_by_hand():
    assert images.resize_short_side(Image.new("RGB", (300, 200)), 512, 32).size == (768, 512)
    assert images.resize_short_side(Image.new("RGB", (301, 200)), 100, 8).size == (144, 96)


def test_long_side_by_hand():
    assert images.fit_long_side(Image.new("RGB", (400, 100)), 200).size == (200, 50)
    small = Image.new("RGB", (40, 10))
    assert images.fit_long_side(small, 200) is small


def test_crop_clips_and_refuses_emptiness():
    source = images.picture(noise(20, 10))
    assert images.crop(source, Box(-5, -5, 7.4, 3.6)).size == (7, 4)
    with pytest.raises(BadRequest):
        images.crop(source, Box(30, 0, 40, 5))
