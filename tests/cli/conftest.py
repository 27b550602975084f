"""A studio that records, and a folder of photos."""

from __future__ import annotations

import pytest
from cli_world import FakeStudio
from PIL import Image


@pytest.fixture
def studio():
    return FakeStudio()


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "selfies 自拍"
    folder.mkdir()
    for name in ("10.jpg", "2.JPG", "1.png", "notes.txt", ".hidden.jpg"):
        Image.new("RGB", (4, 4)).save(folder / name, "PNG")
    return folder
