"""A world with one person, and a client of the original's routes; most files here make a world of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_world import World, world
from fake_studio import make_person
from legacy_client import OldClient


@pytest.fixture
def w(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        make_person(made.studio.paths, "Ann")
        yield made


@pytest.fixture
def old(w: World) -> OldClient:
    return OldClient(w)


@pytest.fixture
def consent_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The original's clients know no such field."""
    monkeypatch.setenv("EASYPHOTO_LEGACY_CONSENT", "1")
