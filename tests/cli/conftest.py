"""A studio in which there is one person, and a folder of photos."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_world import TwoFamilies
from fake_studio import FakeStudio, make_person
from PIL import Image

from easyphoto.paths import Paths


@pytest.fixture
def studio(tmp_path: Path) -> FakeStudio:
    made = FakeStudio(Paths(tmp_path / "data"))
    made.engine = TwoFamilies()
    make_person(made.paths, "Mei")
    made.library.rename("mei", "Mei 梅")
    return made


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "selfies 自拍"
    folder.mkdir()
    for name in ("10.jpg", "2.JPG", "1.png", "notes.txt", ".hidden.jpg"):
        Image.new("RGB", (4, 4)).save(folder / name, "PNG")
    return folder


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A template that is no picture."""
    file = tmp_path / "broken.jpg"
    file.write_bytes(b"no picture")
    return file
