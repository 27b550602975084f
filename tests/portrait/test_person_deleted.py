"""Somebody who is deleted while their portraits are made: that is what is said, not what was missing first."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fake_studio import make_person
from fakes import FakeEngine, FakeFaces, draw_faces, no_weights
from PIL import Image

from easyphoto.domain import PortraitRequest, SavedPortrait, Template
from easyphoto.errors import EasyPhotoError, PersonGone
from easyphoto.library import Library
from easyphoto.paths import Paths
from easyphoto.portrait import batch
from easyphoto.portrait.generate import Tools
from easyphoto.progress import silent


@pytest.fixture
def library(tmp_path: Path) -> Library:
    paths = Paths(tmp_path / "data")
    make_person(paths, "Ann")
    Image.fromarray(draw_faces((300, 300), [((150, 150), 120, (220, 120, 90))])).save(tmp_path / "shown.png")
    return Library(paths)


def made(library: Library, tmp_path: Path, done: list[SavedPortrait | EasyPhotoError]) -> None:
    context = batch.BatchContext(Tools(FakeEngine(), FakeFaces(), no_weights), library, tmp_path / "out", done.append)
    shown = [Template(tmp_path / "shown.png", "shown.png")]
    batch.generate_batch(PortraitRequest(persons=("ann",)), shown, context, silent)


def test_while_their_photos_are_read(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = batch.open_subject

    def gone_first(*arguments: object) -> object:
        library.remove("ann")
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(batch, "open_subject", gone_first)
    with pytest.raises(PersonGone):
        made(library, tmp_path, [])


def test_while_they_are_rendered(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def gone(*arguments: object) -> object:
        shutil.rmtree(tmp_path / "data" / "persons" / "ann")
        raise FileNotFoundError(2, "gone", "ann.safetensors")

    monkeypatch.setattr(batch, "open_subject", lambda person, faces: _Opened(person))
    monkeypatch.setattr(batch, "generate", gone)
    done: list[SavedPortrait | EasyPhotoError] = []
    with pytest.raises(PersonGone):
        made(library, tmp_path, done)
    assert done == []


class _Opened:
    def __init__(self, person: object) -> None:
        self.person = person
