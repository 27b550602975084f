"""Sizes, cutting, masks, colour and saving, by hand calculation and by properties."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from easyphoto import images
from easyphoto.domain import Box
from easyphoto.errors import BadPicture, BadRequest


def noise(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_importing_pictures_brings_no_cv2():
    code = "import sys, easyphoto.images; sys.exit('cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---------------------------------------------------------------- sizes and cutting


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


# ---------------------------------------------------------------- masks


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


def test_color_of_a_large_part_is_matched_by_samples():
    size = (1300, 1100)  # height, width
    base, goal = noise(size[1], size[0], 1) // 3 + 60, noise(size[1], size[0], 2) // 4 + 110
    mask = np.zeros(size, np.uint8)
    mask[50:1250, 40:1050] = 200
    small = images.match_color(base[50:550, 40:540], goal[50:550, 40:540], mask[50:550, 40:540], mask[50:550, 40:540])
    large = images.match_color(base, goal, mask, mask)
    assert np.abs(large[50:550, 40:540].astype(int) - small).max() <= 2
    assert np.array_equal(large[mask == 0], base[mask == 0])


def test_multiband_keeps_the_base_where_the_mask_is_zero_and_equals_plain_blend_in_flat_areas():
    base, top = np.full((96, 96, 3), 60, np.uint8), np.full((96, 96, 3), 180, np.uint8)
    mask = square(96, 16, 80)
    out = images.multiband_blend(base, top, mask)
    assert np.array_equal(out[mask == 0], base[mask == 0])
    assert abs(int(out[48, 48, 0]) - 180) <= 6
    same = noise(37, 53)
    assert np.abs(images.multiband_blend(same, same, square(53, 9, 30)[:, :37]).astype(int) - same).max() <= 1


# ---------------------------------------------------------------- colour


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


# ---------------------------------------------------------------- saving

TEXT = "a portrait, 肖像 <lora:x:0.9>\nSteps: 50, Seed: 1, é"


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "b.JPEG"])
def test_settings_and_mark_survive_in_the_file(tmp_path: Path, name: str):
    file = tmp_path / name
    images.save_picture(images.picture(noise(40, 30)), file, TEXT)
    assert images.read_infotext(file) == TEXT
    assert b"digitalsourcetype/trainedAlgorithmicMedia" in file.read_bytes()
    assert [f.name for f in tmp_path.iterdir()] == [name]
    assert Image.open(file).size == (40, 30)


def test_the_mark_is_well_formed_xmp(tmp_path: Path):
    import xml.etree.ElementTree as ET

    images.save_picture(Image.new("RGB", (8, 8)), tmp_path / "a.png", ai_made=True)
    root = ET.fromstring(Image.open(tmp_path / "a.png").info["XML:com.adobe.xmp"].strip("\ufeff"))
    ns = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
    assert [e.get(ns) for e in root.iter() if e.get(ns)] == [
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    ]


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_nothing_of_the_old_metadata_is_carried_over(tmp_path: Path, name: str):
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"
    Image.new("RGB", (16, 16)).save(tmp_path / "in.jpg", exif=exif, comment=b"SecretComment")
    with Image.open(tmp_path / "in.jpg") as source:
        source.load()
        images.save_picture(source, tmp_path / name, "x", ai_made=False)
    data = (tmp_path / name).read_bytes()
    assert b"Secret" not in data and b"trainedAlgorithmicMedia" not in data
    assert not Image.open(tmp_path / name).getexif().get_ifd(0x8825)


def test_png_is_lossless_and_a_failed_write_leaves_nothing(tmp_path: Path):
    array = noise(31, 17)
    images.save_picture(images.picture(array), tmp_path / "a.png")
    assert np.array_equal(images.pixels(images.open_picture(tmp_path / "a.png")), array)
    with pytest.raises(BadRequest):
        images.save_picture(images.picture(array), tmp_path / "a.gif")
    with pytest.raises(BadRequest):
        images.save_picture(images.picture(array), tmp_path / "long.jpg", "x" * 40_000)
    assert [f.name for f in tmp_path.iterdir()] == ["a.png"]


def test_reading_settings_where_there_are_none(tmp_path: Path):
    images.save_picture(Image.new("RGB", (8, 8)), tmp_path / "a.jpg")
    assert images.read_infotext(tmp_path / "a.jpg") == ""
    (tmp_path / "b.png").write_bytes(b"no")
    with pytest.raises(BadPicture):
        images.read_infotext(tmp_path / "b.png")
