"""A library in an empty home, and a person to create in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from library_world import draft

from easyphoto.library import Library, PersonDraft
from easyphoto.paths import Paths


@pytest.fixture
def shelf(tmp_path: Path) -> Library:
    return Library(Paths(tmp_path / "home", tmp_path / "models"), patience=0.2)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def anna(tmp_path: Path) -> PersonDraft:
    return draft(tmp_path / "set")
