from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from easyphoto.engines.padding import Padding, blend, is_blank


def noise(size: tuple[int, int], seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from([8, 32]))
def test_there_and_back(width: int, height: int, multiple: int):
    picture = noise((width, height), 1)
    frame = Padding.around(picture.size, multiple)
    padded = frame.pad(picture)
    assert padded.width % multiple == padded.height % multiple == 0
    assert max(padded.width - width, padded.height - height) < multiple
    assert frame.crop(padded).tobytes() == picture.tobytes()
    assert padded.getpixel((padded.width - 1, padded.height - 1)) == picture.getpixel((width - 1, height - 1))


def test_blend_keeps_takes_and_mixes():
    old, new = Image.new("RGB", (3, 1), (100, 0, 10)), Image.new("RGB", (3, 1), (200, 51, 10))
    mask = Image.fromarray(np.array([[0, 255, 51]], np.uint8))
    assert list(np.asarray(blend(old, new, mask))[0].tolist()) == [[100, 0, 10], [200, 51, 10], [120, 10, 10]]


def test_blank_is_black_inside_the_mask_out_of_something():
    black, gray = Image.new("RGB", (4, 4)), Image.new("RGB", (4, 4), (90, 90, 90))
    whole, half = Image.new("L", (4, 4), 255), Image.new("L", (4, 4))
    half.paste(255, (0, 0, 2, 4))
    assert is_blank(black, gray, whole)
    assert not is_blank(black, black, whole)
    assert not is_blank(gray, gray, whole)
    laid_over = gray.copy()
    laid_over.paste((0, 0, 0), (0, 0, 2, 4))
    assert is_blank(laid_over, gray, half), "hosts lay the picture over outside the mask"
    assert not is_blank(laid_over, gray, whole)
    assert not is_blank(black, gray, Image.new("L", (4, 4)))
