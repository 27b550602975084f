"""Every odd but good picture file is opened right: turns, profiles, transparency, modes, frames."""

from __future__ import annotations

import shutil
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from picture_files import RED, near, quarters, refused, saved
from PIL import Image, ImageCms

from easyphoto.images import open_picture, picture_size, pixels


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("long_side", [None, 32])
def test_exif_orientation(tmp_path: Path, orientation: int, long_side: int | None):
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = quarters() if undo is None else quarters().transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = saved(tmp_path, "a.jpg", stored, exif=exif, quality=100, subsampling=0)
    out = open_picture(file, long_side=long_side)
    goal = quarters() if long_side is None else quarters(32, 24)
    corners = [(2, 2), (-3, 2), (2, -3), (-3, -3)]
    assert out.size == goal.size
    for x, y in corners:
        at = (x % out.width, y % out.height)
        assert np.abs(np.subtract(out.getpixel(at), goal.getpixel(at))).max() < 12
    assert out.info == {} and not out.getexif()
    assert picture_size(file) == (64, 48)


def test_profile_is_turned_into_srgb(tmp_path: Path):
    lab = ImageCms.createProfile("LAB")
    srgb = ImageCms.createProfile("sRGB")
    in_lab = ImageCms.profileToProfile(quarters(), srgb, lab, outputMode="LAB")
    file = saved(tmp_path, "lab.tif", in_lab)
    assert near(open_picture(file), quarters(), 10)  # Lab of 8 bits is coarse
    plain = saved(tmp_path, "s.png", quarters(), icc_profile=ImageCms.ImageCmsProfile(srgb).tobytes())
    assert near(open_picture(plain), quarters())


def test_wide_gamut_profile_changes_the_color(tmp_path: Path):
    file = saved(tmp_path, "p.png", Image.new("RGB", (8, 8), (200, 100, 50)), icc_profile=wide_profile())
    # By hand: gamma 2.2 to light, the matrix Adobe RGB -> sRGB, the sRGB curve.
    assert open_picture(file).getpixel((4, 4)) == pytest.approx((227, 100, 42), abs=3)


def wide_profile() -> bytes:
    """A matrix profile of Adobe RGB's primaries (D50) with gamma 2.2, made by hand."""

    def s15(*values: float) -> bytes:
        return struct.pack(">" + "i" * len(values), *(round(v * 65536) for v in values))

    gamma = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    parts = {
        b"rXYZ": b"XYZ \0\0\0\0" + s15(0.60974, 0.31111, 0.01947),
        b"gXYZ": b"XYZ \0\0\0\0" + s15(0.20528, 0.62567, 0.06087),
        b"bXYZ": b"XYZ \0\0\0\0" + s15(0.14919, 0.06322, 0.74457),
        b"wtpt": b"XYZ \0\0\0\0" + s15(0.96420, 1.0, 0.82491),
        b"rTRC": gamma,
        b"gTRC": gamma,
        b"bTRC": gamma,
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"wide\0" + b"\0" * 78,
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
    }
    table, body, at = b"", b"", 128 + 4 + 12 * len(parts)
    for tag, data in parts.items():
        data += b"\0" * (-len(data) % 4)
        table += tag + struct.pack(">II", at + len(body), len(data))
        body += data
    head = b"\0\0\0\0lcms\x02\x20\0\0mntrRGB XYZ " + struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp"
    head += b"\0" * (68 - len(head)) + s15(0.96420, 1.0, 0.82491)
    whole = head + b"\0" * (128 - len(head)) + struct.pack(">I", len(parts)) + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


def test_a_damaged_profile_is_ignored(tmp_path: Path):
    file = saved(tmp_path, "a.png", quarters(), icc_profile=b"no profile at all")
    assert near(open_picture(file), quarters(), 0)


def test_transparency_lies_on_white(tmp_path: Path):
    rgba = quarters().convert("RGBA")
    rgba.putalpha(0)
    assert near(open_picture(saved(tmp_path, "a.png", rgba)), Image.new("RGB", (64, 48), "white"), 0)
    half = Image.new("LA", (8, 8), (0, 128))
    assert open_picture(saved(tmp_path, "b.png", half)).getpixel((3, 3)) == pytest.approx((127,) * 3, abs=1)
    palette = quarters().quantize(8)
    file = saved(tmp_path, "c.png", palette, transparency=palette.getpixel((0, 0)))
    out = open_picture(file)
    assert out.getpixel((2, 2)) == (255, 255, 255) and out.getpixel((60, 2)) != (255, 255, 255)
    keyed = saved(tmp_path, "d.png", quarters(), transparency=RED)
    assert open_picture(keyed).getpixel((2, 2)) == (255, 255, 255)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_are_scaled_not_cut(tmp_path: Path, name: str):
    ramp = np.linspace(0, 65535, 256, dtype=np.uint16)[None].repeat(4, axis=0)
    out = pixels(open_picture(saved(tmp_path, name, Image.fromarray(ramp))))
    assert np.abs(out[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_float_tiff(tmp_path: Path):
    gray = Image.fromarray(np.full((4, 4), 0.5, np.float32))
    assert open_picture(saved(tmp_path, "a.tif", gray)).getpixel((1, 1)) == pytest.approx((128,) * 3, abs=1)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK"])
def test_other_modes_become_rgb(tmp_path: Path, mode: str):
    source = quarters().convert(mode)
    file = saved(tmp_path, "a.tif", source)
    out = open_picture(file)
    assert out.mode == "RGB" and near(out, source.convert("RGB"))


def test_cmyk_jpeg(tmp_path: Path):
    out = open_picture(saved(tmp_path, "a.jpg", quarters().convert("CMYK"), quality=100))
    assert near(out, quarters(), 25)


def test_first_frame_of_an_animation(tmp_path: Path):
    frames = [Image.new("RGB", (20, 20), color) for color in ((255, 0, 0), (0, 255, 0))]
    for name in ("a.gif", "a.webp", "a.png"):
        options = {"lossless": True} if name == "a.webp" else {}
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **options)
        assert np.abs(np.subtract(open_picture(tmp_path / name).getpixel((9, 9)), (255, 0, 0))).max() < 6, name


def test_content_counts_not_the_suffix(tmp_path: Path):
    quarters().save(tmp_path / "really.png")
    (tmp_path / "really.png").rename(tmp_path / "a.jpg")
    assert near(open_picture(tmp_path / "a.jpg"), quarters(), 0)


def test_long_side_shrinks_and_never_enlarges(tmp_path: Path):
    file = saved(tmp_path, "a.jpg", quarters(1600, 1200))
    assert open_picture(file, long_side=500).size == (500, 375)
    assert open_picture(file, long_side=5000).size == (1600, 1200)
    assert open_picture(saved(tmp_path, "b.png", quarters(1600, 1200)), long_side=500).size == (500, 375)


def test_a_jpeg_is_decoded_at_a_fraction_and_so_passes_the_pixel_limit(tmp_path: Path):
    file = saved(tmp_path, "a.jpg", quarters(1600, 1200))
    assert open_picture(file, long_side=400, max_pixels=400 * 300).size == (400, 300)
    refused(file, max_pixels=400 * 300)


def test_damaged_exif_is_no_reason_to_refuse(tmp_path: Path):
    file = saved(tmp_path, "a.jpg", quarters(), exif=b"Exif\0\0II*\0\xff\xff\xff\x7f junk")
    assert open_picture(file).size == (64, 48)


def test_names_in_any_script(tmp_path: Path):
    assert open_picture(saved(tmp_path, "自拍 é 😀.jpg", quarters())).size == (64, 48)


def test_heic_and_avif(tmp_path: Path):
    pytest.importorskip("pi_heif")
    file = shutil.copyfile(Path(__file__).parent / "quarters.heic", tmp_path / "a.heic")  # drawn by `quarters`
    assert near(open_picture(file), quarters(), 60)
    assert open_picture(file, long_side=32).size == (32, 24)
    assert picture_size(file) == (64, 48)
    file.write_bytes(file.read_bytes()[:400])
    assert "damaged" in refused(file)


def test_heic_without_a_decoder_names_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for decoder in ("pi_heif", "pillow_heif"):
        monkeypatch.setitem(sys.modules, decoder, None)
    file = tmp_path / "a.heic"
    file.write_bytes(struct.pack(">I", 24) + b"ftypheic" + b"\0" * 40)
    assert "pip install pi-heif" in refused(file)
