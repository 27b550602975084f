"""The true program in a browser: sample photos in, a portrait out, with nothing faked."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MINUTES = 60_000  # milliseconds


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Of the program's own window command on an empty data folder."""
    command = [sys.executable, "-m", "easyphoto", "ui", "--port", "0", "--no-browser", "--data", str(tmp_path / "data")]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr or ():
            if found := re.search(r"http://\S+", line):
                yield found.group()
                break
        else:
            pytest.fail("the program said no address")
        process.terminate()


@pytest.fixture
def selfies(tmp_path: Path) -> list[str]:
    from easyphoto.demo.samples import make_samples
    from easyphoto.faces.builtin.toolbox import BuiltinToolbox
    from easyphoto.paths import Paths

    paths = Paths(tmp_path)
    made = make_samples(paths, tmp_path / "samples", BuiltinToolbox(paths))
    return [str(file) for file in made.photos[:3]]


def set_number(page: Any, name: str, value: str) -> None:
    """Type until it stays: the fold's widgets come alive a moment after it is opened and then show their default."""
    field = page.locator(f"#ep-train-{name} input").first
    for _ in range(20):
        field.fill(value)
        field.blur()
        page.wait_for_timeout(400)
        if field.input_value() == value:
            return
    raise AssertionError(f"{name} does not keep {value}")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_photos_to_a_person_to_a_portrait(address: str, selfies: list[str], open_page: Callable[..., Any]):
    page = open_page(address)
    page.set_default_timeout(5 * MINUTES)
    page.set_input_files("#ep-train-upload input[type=file]", selfies)
    page.wait_for_selector(".ep-photo >> nth=2")
    page.click("#ep-train-check")
    page.wait_for_selector("text=3 of 3 usable")
    page.locator("#ep-train-person").locator("textarea, input").fill("Eileen")
    page.locator("#ep-train-consent input").check()
    page.click("#ep-train-advanced button")
    for name, value in (("max-steps", "2"), ("save-steps", "1")):
        set_number(page, name, value)
    page.click("#ep-train-start")
    page.wait_for_selector(".ep-outcome >> text=Eileen is ready")
    page.click(".ep-outcome >> text=Make a portrait")
    page.click("#ep-portrait-templates .ep-tile >> nth=0")
    page.wait_for_selector(".ep-face")
    page.click("#ep-portrait-go")
    page.wait_for_selector(".ep-shot-card >> text=/looks like the same person|resembles the person/")
