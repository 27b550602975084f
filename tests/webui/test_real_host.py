"""The newcomer's path in a real WebUI that somebody has started; see real_host.py for how to name it.

It needs an SD 1.5 or SDXL checkpoint. A tiny one with random weights will do: the way is tested, not the face.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from real_host import RealHost, real_host

from easyphoto.images import read_infotext
from easyphoto.images.saving import AI_MADE

MINUTES = 60_000  # milliseconds
NAME = "Eileen Test"
QUICK, TRAIN, PORTRAIT, PEOPLE = range(4)  # places of the tabs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture
def host() -> RealHost:
    return real_host()


@pytest.fixture
def page(host: RealHost, browser: Any) -> Iterator[Any]:
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(MINUTES)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(host.address)
    page.click("#tabs > .tab-nav > button:has-text('EasyPhoto')")
    tab(page, TRAIN)
    page.wait_for_selector("#ep-train-start")
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def selfies(tmp_path: Path) -> list[str]:
    from easyphoto.demo.samples import make_samples
    from easyphoto.faces.builtin.toolbox import BuiltinToolbox
    from easyphoto.paths import Paths

    paths = Paths(tmp_path)
    made = make_samples(paths, tmp_path / "samples", BuiltinToolbox(paths))
    return [str(file) for file in made.photos[:3]]


def tab(page: Any, number: int) -> None:
    page.locator("#ep-tabs > .tab-nav > button").nth(number).click()


def type_number(page: Any, field: str, value: str) -> None:
    box = page.locator(f"#ep-{field} input[type=number]").first
    box.fill(value)
    box.blur()
    page.wait_for_timeout(300)
    assert box.input_value() == value


def train(page: Any, selfies: list[str]) -> None:
    """Photos to a person, in two steps."""
    page.set_input_files("#ep-train-upload input[type=file]", selfies)
    page.wait_for_selector(".ep-photo >> nth=2")
    page.click("#ep-train-check")
    page.wait_for_selector("text=3 of 3 usable")
    page.locator("#ep-train-person").locator("textarea, input").fill(NAME)
    page.locator("#ep-train-consent input").check()
    page.locator("#ep-train-advanced > .label-wrap").click()
    for field, value in (("max-steps", "2"), ("save-steps", "1"), ("resolution", "256")):
        type_number(page, f"train-{field}", value)
    page.locator("#ep-train-validation input").uncheck()
    page.click("#ep-train-start")
    page.wait_for_selector(f".ep-outcome >> text={NAME} is ready", timeout=15 * MINUTES)


def portrait(page: Any) -> Path:
    """The first template with that person in it; the file that the user downloads."""
    page.click(".ep-outcome >> text=Make a portrait")
    page.click("#ep-portrait-templates .ep-tile >> nth=0")
    page.wait_for_selector(".ep-face")
    page.locator("#ep-portrait-advanced > .label-wrap").click()
    for field, value in (("first-steps", "8"), ("second-steps", "8"), ("seed", "7")):
        type_number(page, f"portrait-{field}", value)
    others = page.locator(".ep-shot-card").count()
    page.click("#ep-portrait-go")
    page.wait_for_selector(f".ep-shot-card >> nth={others}", timeout=10 * MINUTES)
    assert "left out" not in page.inner_text("#ep-portrait-shots")
    with page.expect_download() as download:
        page.locator(".ep-shot-card").first.locator("text=Download").click()  # the newest stands first
    return Path(download.value.path())


def delete(page: Any) -> None:
    tab(page, PEOPLE)
    page.click(f".ep-person:has-text('{NAME}') >> text=Delete")
    page.fill(".ep-form input", NAME)
    page.click(".ep-form >> text=Delete permanently")
    page.wait_for_selector("#ep-people-told >> text=is deleted")
    tab(page, PORTRAIT)
    page.wait_for_selector(f".ep-shot-card:has-text('{NAME}')", state="detached")
    page.wait_for_selector(".ep-shot-card:has-text('eileen-test')", state="detached")


def test_photos_to_a_person_to_a_portrait_and_nothing_stays_behind(host: RealHost, page: Any, selfies: list[str]):
    before = host.state()
    train(page, selfies)
    file = portrait(page)
    assert AI_MADE.encode() in file.read_bytes()
    assert "easyphoto_face" in read_infotext(file)
    with Image.open(file) as picture:
        assert min(picture.size) > 500
    added = host.loras() - before["loras"]
    assert len(added) == 1
    assert not re.search("eileen", added.pop(), re.IGNORECASE), "the copy's name must not tell whose face it is"
    delete(page)
    after = host.state()
    for what in before:
        assert after[what] == before[what], what


def test_pictures_and_persons_are_not_served(host: RealHost, page: Any):
    data = host.get("/sdapi/v1/cmd-flags")["data_dir"]
    for inside in (".easyphoto", ".easyphoto/jobs", ".easyphoto/persons", ".easyphoto/jobs.sqlite3"):
        assert host.status(f"/file={data}/{inside}") in (403, 404)
    findings = host.get("/easyphoto/v1/doctor")["findings"]
    assert [found["state"] for found in findings if found["name"] == "privacy"] == ["ok"]
    assert host.status("/easyphoto/v1/persons", Origin="https://elsewhere.example") == 403


def test_reload_ui_leaves_one_of_everything(host: RealHost, page: Any, reloaded: Callable[[Any], None]):
    jobs = host.get("/easyphoto/v1/jobs")
    reloaded(page)
    page.click("#tabs > .tab-nav > button:has-text('EasyPhoto')")
    page.wait_for_selector("#ep-quick-go")
    assert page.locator("#ep-quick-go").count() == page.locator("#ep-train-start").count() == 1
    assert host.get("/easyphoto/v1/jobs") == jobs


@pytest.fixture
def reloaded() -> Callable[[Any], None]:
    """Presses "Reload UI" and waits for the page."""

    def reload(page: Any) -> None:
        page.evaluate("document.querySelector('#footer a[onclick*=restart], #footer a[onclick*=Reload]')?.click()")
        page.wait_for_timeout(3000)
        page.wait_for_selector("#tabs > .tab-nav > button:has-text('EasyPhoto')", timeout=3 * MINUTES)

    return reload
