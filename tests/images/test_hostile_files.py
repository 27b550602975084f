"""Every hostile picture file is refused as BadPicture with its name and a reason."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from picture_files import quarters, refused, saved
from PIL import Image

from easyphoto.errors import BadPicture
from easyphoto.images import open_picture


def test_missing_empty_folder(tmp_path: Path):
    assert "no such file" in refused(tmp_path / "none.jpg")
    (tmp_path / "empty.jpg").touch()
    assert "empty" in refused(tmp_path / "empty.jpg")
    (tmp_path / "folder.jpg").mkdir()
    refused(tmp_path / "folder.jpg")


@pytest.mark.parametrize(
    "content",
    [
        b"just text",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(x) run\n",
        b"%PDF-1.4\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"PK\x03\x04" + b"\0" * 60,
        b"8BPS\0\x01" + b"\0" * 60,
        b"\x80\x04\x95",
        b"\0" * 1000,
    ],
)
def test_what_is_no_photo(tmp_path: Path, content: bytes):
    file = tmp_path / "a.jpg"
    file.write_bytes(content)
    assert "not a picture" in refused(file) or "damaged" in refused(file)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif", "a.gif", "a.bmp"])
def test_cut_off_files_are_refused_with_a_reason(tmp_path: Path, name: str):
    rng = np.random.default_rng(0)
    saved(tmp_path, name, Image.fromarray(rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)))
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    reason = refused(tmp_path / name)
    assert "cut off or damaged" in reason or "not a picture" in reason


def png(width: int, height: int, data: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (11_000, 11_000), (2**31 - 1, 1)])
def test_bombs_are_refused_before_they_are_decoded(tmp_path: Path, width: int, height: int):
    file = tmp_path / "bomb.png"
    file.write_bytes(png(width, height, b"\0" * 10_000_000))
    reason = refused(file)
    assert "limit" in reason or "too many pixels" in reason


def test_the_limit_is_the_callers(tmp_path: Path):
    file = saved(tmp_path, "a.png", quarters(100, 100))
    assert "limit" in refused(file, max_pixels=9_999)
    assert open_picture(file, max_pixels=10_000).size == (100, 100)


def test_a_compressed_text_bomb_is_refused(tmp_path: Path):
    file = tmp_path / "a.png"
    plain = png(4, 4, b"\0" * 52)
    body = b"k\0\0" + zlib.compress(b"x" * 200_000_000, 9)
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    file.write_bytes(plain[:33] + chunk + plain[33:])
    refused(file)


GOOD = {}
for _kind in ("JPEG", "PNG", "GIF", "WEBP", "TIFF"):
    _stream = io.BytesIO()
    quarters().save(_stream, _kind)
    GOOD[_kind] = _stream.getvalue()


@given(st.sampled_from(sorted(GOOD)), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_gives_a_picture_or_a_bad_picture(tmp_path: Path, kind: str, damage: list[tuple[int, int]]):
    data = bytearray(GOOD[kind])
    for at, value in damage:
        data[at % len(data)] = value
    file = tmp_path / "fuzz"
    file.write_bytes(data)
    try:
        assert open_picture(file, max_pixels=1_000_000, long_side=64).mode == "RGB"
    except BadPicture as error:
        assert error.file == "fuzz"
