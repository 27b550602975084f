"""Saving with settings and the mark of AI-made pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from arrays import noise
from PIL import Image

from easyphoto import images
from easyphoto.errors import BadPicture, BadRequest

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
