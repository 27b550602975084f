"""Two persons, each with a photo in the color of their face."""

from pathlib import Path

import pytest
from fakes import FakeFaces
from portrait_world import DARK, TAN, person

from easyphoto.portrait.subject import Subject, open_subject


@pytest.fixture
def ann(tmp_path: Path) -> Subject:
    return open_subject(person(tmp_path, "ann", TAN), FakeFaces())


@pytest.fixture
def bob(tmp_path: Path) -> Subject:
    return open_subject(person(tmp_path, "bob", DARK), FakeFaces())
