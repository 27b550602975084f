"""Damage inside a picture is told with the right remedy, without a traceback."""

from __future__ import annotations

import logging
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from picture_files import quarters, refused, saved
from PIL import Image

from easyphoto.images import open_picture


def avif(major: bytes, *compatible: bytes) -> bytes:
    """The beginning of such a file, and rubbish."""
    brands = major + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands + b"\x07" * 400


@pytest.mark.parametrize("content", [avif(b"avif", b"mif1"), avif(b"mif1", b"avif", b"miaf"), avif(b"avis")])
def test_a_damaged_avif_is_called_damaged_where_avif_can_be_read(tmp_path: Path, content: bytes):
    Image.init()
    if "AVIF" not in Image.OPEN:
        pytest.skip("this Pillow reads no AVIF")
    (tmp_path / "a.avif").write_bytes(content)
    told = refused(tmp_path / "a.avif")
    assert "damaged" in told and "Pillow" not in told and "heif" not in told


def test_without_a_decoder_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    Image.init()
    monkeypatch.delitem(Image.OPEN, "AVIF", raising=False)
    (tmp_path / "a.avif").write_bytes(avif(b"avif"))
    assert "Pillow 11.3" in refused(tmp_path / "a.avif")


def damaged_pictures(folder: Path) -> list[Path]:
    return [
        saved(folder, "exif.jpg", quarters(), exif=b"Exif\0\0II*\0\xff\xff\xff\x7f junk"),
        saved(folder, "profile.png", quarters(), icc_profile=b"no profile at all"),
        saved(folder, "profile.jpg", quarters(), icc_profile=b"\0" * 200),
    ]


def test_damaged_metadata_brings_no_traceback(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG):
        for file in damaged_pictures(tmp_path):
            open_picture(file)
    assert [
        record.exc_info for record in caplog.records if record.name.startswith("easyphoto") and record.exc_info
    ] == []


def test_the_command_line_says_no_word_of_the_libraries(tmp_path: Path):
    damaged_pictures(tmp_path)
    command = [sys.executable, "-m", "easyphoto", "train", "--check", "--name", "Ann", "--photos", str(tmp_path)]
    said = subprocess.run([*command, "--data", str(tmp_path / "data")], capture_output=True, text=True).stderr
    assert "Traceback" not in said and "site-packages" not in said
