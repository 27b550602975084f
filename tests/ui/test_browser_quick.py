"""Quick portraits in a real browser: from the empty page to the portrait, with a studio that works at once."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import QUICK, TRAIN, Running, open_tab
from host_python import host_python
from ui_world import group, selfie

pytestmark = pytest.mark.slow

Start = Callable[..., Running]
Open = Callable[..., Any]

HOSTS = {"newest": "", "4.40": "forge", "3.41": "a1111"}
PASTE = """data => {
    const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0)), held = new DataTransfer();
    held.items.add(new File([bytes], 'image.png', {type: 'image/png'}));
    document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: held, bubbles: true, cancelable: true}));
}"""

GO_TO = """tab => {
    const button = document.createElement('button');
    button.dataset.epBox = 'ep-go-box';
    button.dataset.epMessage = JSON.stringify({tab});
    document.querySelector('#easyphoto').append(button);
    button.click();
    button.remove();
}"""

BEYOND = """([inner, outer]) => {
    const edge = document.querySelector(outer).getBoundingClientRect().right;
    return [...document.querySelectorAll(inner)].filter(one => one.getBoundingClientRect().right > edge + 1).length;
}"""
COUNT_CLICKS = "() => { window.clicks = 0; addEventListener('click', event => { clicks += event.isTrusted; }, true); }"
BELOW = "place => document.querySelector(place).getBoundingClientRect().bottom - innerHeight"


def paste(page: Any, file: Path, arrived: str) -> None:
    """Again where nothing arrives: an old gradio's field takes files only a while after it is seen."""
    data = base64.b64encode(file.read_bytes()).decode()
    for _ in range(3):
        page.evaluate(PASTE, data)
        for _ in range(20):
            if page.locator(arrived).count():
                return
            page.wait_for_timeout(500)
    raise AssertionError(f"{file.name} did not arrive")


def bring(page: Any, *files: Path) -> None:
    page.set_input_files("#ep-quick-upload input[type=file]", [str(file) for file in files])
    page.wait_for_selector(f".ep-thumb >> nth={len(files) - 1}")


@pytest.mark.parametrize("gradio", list(HOSTS))
def test_three_clicks_to_a_portrait_and_on_to_a_training(
    start_server: Start, open_page: Open, tmp_path: Path, gradio: str
):
    python = host_python(HOSTS[gradio]) if HOSTS[gradio] else ""
    server = start_server(**({"python": python} if python else {}))
    page = open_page(server.url + "en/" + ("?script" if gradio == "3.41" else ""), tab=QUICK)
    page.click("#ep-quick-go", force=True)
    page.wait_for_selector("#ep-quick-problem >> text=Confirm that the person has agreed")
    assert page.evaluate(BELOW, "#ep-quick-go") <= 0  # in sight without scrolling, whatever the theme around it
    page.evaluate(COUNT_CLICKS)
    bring(page, selfie(tmp_path / "me.jpg"), selfie(tmp_path / "me too.jpg", 8))
    page.locator("#ep-quick-consent input").check()
    page.click("#ep-quick-templates .ep-tile >> nth=0")
    page.wait_for_selector("#ep-quick-templates >> text=1 chosen")
    page.click("#ep-quick-go")
    page.wait_for_selector("#ep-quick-shots .ep-shot-card >> text=Person in the photos")
    assert page.evaluate("clicks") <= 4  # besides the file dialog
    assert "Confirm" not in page.inner_text("#ep-quick-problem")
    with page.expect_download() as download:
        page.click("#ep-quick-shots >> text=Download")
    assert b"parameters" in Path(download.value.path()).read_bytes()[:4000]
    page.click("#ep-quick-told summary")
    page.wait_for_selector("#ep-quick-told >> text=Only 2 photos")
    page.click("#ep-quick-next button")
    page.wait_for_selector("#ep-train-photos .ep-photo >> nth=1")
    open_tab(page, QUICK)
    page.click("#ep-quick-shots button:text-is('Delete')")
    page.click("text=Delete this run for good")
    page.wait_for_selector("#ep-quick-shots >> text=Your portraits appear here")
    assert page.locator(".ep-next").count() == 0


def test_the_sample_leads_to_a_portrait_without_a_file(start_server: Start, open_page: Open):
    page = open_page(start_server().url + "en/", tab=QUICK)
    page.click("text=Try with a sample photo")
    page.wait_for_selector(".ep-thumb")
    page.wait_for_function("document.querySelector('#ep-quick-consent input').checked")
    page.click("#ep-quick-templates .ep-tile >> nth=0")
    page.wait_for_selector("#ep-quick-templates >> text=1 chosen")
    page.click("#ep-quick-go")
    page.wait_for_selector("#ep-quick-shots .ep-shot-card")


def test_ones_own_photo_takes_the_samples_place_and_its_consent(start_server: Start, open_page: Open, tmp_path: Path):
    page = open_page(start_server().url + "en/", tab=QUICK)
    page.click("text=Try with a sample photo")
    page.wait_for_function("document.querySelector('#ep-quick-consent input').checked")
    bring(page, selfie(tmp_path / "me.jpg", 5))
    page.wait_for_selector(".ep-thumb img[alt='me.jpg']")
    page.wait_for_function("!document.querySelector('#ep-quick-consent input').checked")
    assert page.locator(".ep-thumb").count() == 1


@pytest.mark.parametrize("gradio", list(HOSTS))
def test_photos_are_pasted_and_taken_and_what_is_none_is_named(
    start_server: Start, open_page: Open, tmp_path: Path, gradio: str
):
    python = host_python(HOSTS[gradio]) if HOSTS[gradio] else ""
    server = start_server(**({"python": python} if python else {}))
    page = open_page(server.url + "en/" + ("?script" if gradio == "3.41" else ""), tab=QUICK)
    page.wait_for_timeout(4000 if gradio == "3.41" else 0)  # its field looks ready before it takes files
    paste(page, selfie(tmp_path / "me.png"), ".ep-thumb img[alt='image.png']")
    words = tmp_path / "notes.txt"
    words.write_text("words")
    page.set_input_files("#ep-quick-upload input[type=file]", str(words))
    page.wait_for_selector(".ep-notice:not(.ep-hidden) >> text=notes.txt")
    page.click("#ep-quick-photos [data-ep-camera]")
    page.click(".ep-camera >> text=Take a photo")  # the field takes files again
    page.wait_for_selector(".ep-thumb >> nth=1")
    page.click(".ep-camera >> text=Close")
    open_tab(page, TRAIN)
    page.wait_for_selector("#ep-train-check")
    page.wait_for_selector("#ep-train-upload input[type=file]", state="attached")
    paste(page, selfie(tmp_path / "me.png", 7), "#ep-train-photos .ep-photo")


def test_a_template_of_ones_own_is_chosen_at_once(start_server: Start, open_page: Open, tmp_path: Path):
    page = open_page(start_server().url + "en/", tab=QUICK)
    file = group(tmp_path / "us two.png")
    if page.locator("#ep-quick-own input[type=file]").count():
        page.set_input_files("#ep-quick-own input[type=file]", str(file))
    else:
        with page.expect_file_chooser() as chooser:
            page.click("#ep-quick-own")
        chooser.value.set_files(str(file))
    page.wait_for_selector("#ep-quick-templates >> text=1 chosen")
    page.click("#ep-quick-templates .ep-x")
    page.wait_for_selector("#ep-quick-templates >> text=0 chosen")


def test_it_speaks_chinese(start_server: Start, open_page: Open, tmp_path: Path):
    page = open_page(start_server().url, locale="zh-CN", tab=QUICK)
    assert "/zh/" in page.url
    bring(page, selfie(tmp_path / "1.jpg"))
    page.locator("#ep-quick-consent input").check()
    page.click("#ep-quick-templates .ep-tile >> nth=0")
    page.wait_for_selector("#ep-quick-templates >> text=已选 1 个")
    page.click("#ep-quick-go")
    page.wait_for_selector("#ep-quick-shots .ep-shot-card >> text=照片中的人")
    page.wait_for_selector("#ep-quick-next >> text=保留这个人物")
    said = page.inner_text("#easyphoto")
    assert not re.search(r"\b(Photos?|Train|Portraits?|Templates?|Delete|Download|Person|Quick)\b", said)
