"""Every test runs without a network and away from the user's own data folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when the package is imported, so before any fixture


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder for this test alone."""
    folder = tmp_path / "easyphoto-data"
    monkeypatch.setenv("EASYPHOTO_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def astronaut() -> Path:
    """The public-domain picture the samples are made from."""
    return ROOT / "models" / "samples" / "astronaut.png"
