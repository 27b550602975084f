"""Every test runs without a network and away from the user's own data folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""A camera that shows a test picture and is allowed to every page."""


def chromium() -> str | None:
    """Debian's Chromium, or the one EASYPHOTO_CHROMIUM names."""
    names = (os.environ.get("EASYPHOTO_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = chromium()
    if program is None:
        pytest.skip("no Chromium was found; apt-get install chromium, or name one in EASYPHOTO_CHROMIUM")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox", *CAMERA])
        yield browser
        browser.close()
