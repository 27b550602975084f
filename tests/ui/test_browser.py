"""The page in a real browser, with a studio that works at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import PEOPLE, PORTRAIT, QUICK, TRAIN, Running, open_tab
from host_python import host_python
from ui_world import broken, group, selfie

pytestmark = pytest.mark.slow

Start = Callable[..., Running]
Open = Callable[..., Any]

SHIFT = """() => new Promise(done => {
    let sum = 0;
    const add = list => list.getEntries().forEach(entry => { if (!entry.hadRecentInput) sum += entry.value; });
    new PerformanceObserver(add).observe({type: 'layout-shift', buffered: true});
    setTimeout(() => done(sum), 2500);
})"""
NAMELESS = """() => [...document.querySelectorAll('#easyphoto :is(button, input, select, textarea)')]
    .filter(e => e.checkVisibility() && e.type !== 'file' && !(e.innerText || '').trim()
        && !e.getAttribute('aria-label') && !e.labels?.length && !e.title)
    .map(e => e.outerHTML.slice(0, 160))"""
MISNAMED = """() => {
    const plain = text => (text || '').toLowerCase().replace(/[^\\p{L}\\p{N} ]/gu, '').replace(/\\s+/g, ' ').trim();
    const hidden = e => e.closest('[aria-hidden=true]') || getComputedStyle(e).fontSize === '0px';
    const parts = e => [...e.childNodes].map(seen).join(' ');
    const seen = e => e.nodeType === 3 ? (hidden(e.parentElement) ? '' : e.data) : parts(e);
    return [...document.querySelectorAll('#easyphoto :is(button, a, summary, [role=tab])[aria-label]')]
        .filter(e => e.offsetParent && !plain(e.getAttribute('aria-label')).includes(plain(seen(e))))
        .map(e => e.outerHTML.slice(0, 160));
}"""  # whoever speaks to the page says what they see (WCAG 2.5.3)

HOSTS = {"newest": "", "4.40": "forge", "3.41": "a1111"}


def upload(page: Any, folder: Path, count: int = 3) -> None:
    files = [str(selfie(folder / f"me {n}.jpg", 4 * n)) for n in range(count)]
    page.set_input_files("#ep-train-upload input[type=file]", files)
    page.wait_for_selector(f".ep-photo >> nth={count - 1}")


def start_training(page: Any, name: str = "Ada") -> None:
    page.locator("#ep-train-person").locator("textarea, input").fill(name)
    page.locator("#ep-train-consent input").check()
    page.click("#ep-train-start")
    page.wait_for_selector(".ep-job")


@pytest.mark.parametrize("gradio", list(HOSTS))
def test_a_newcomers_whole_path(start_server: Start, open_page: Open, tmp_path: Path, gradio: str):
    python = host_python(HOSTS[gradio]) if HOSTS[gradio] else ""
    server = start_server(**({"python": python} if python else {}))
    page = open_page(server.url + "en/" + ("?script" if gradio == "3.41" else ""))
    page.wait_for_selector("#ep-train-photos >> text=Begin here")
    page.set_input_files("#ep-train-upload input[type=file]", [str(broken(tmp_path / "bad.jpg"))])
    page.wait_for_selector("text=Unreadable")
    upload(page, tmp_path)
    page.click("#ep-train-check")
    page.wait_for_selector("text=3 of 4 usable")
    page.click(".ep-photo >> nth=1 >> text=Exclude")
    page.wait_for_selector("text=2 of 4 usable")
    page.reload()
    open_tab(page, TRAIN)
    page.wait_for_selector("text=2 of 4 usable")  # photos and verdicts are kept for this browser
    page.wait_for_selector("#ep-train-start[aria-disabled=true]")
    page.wait_for_selector("#ep-train-start-why >> text=Enter a name for the person")
    page.click("#ep-train-start", force=True)
    page.wait_for_selector("#ep-train-problem >> text=Enter a name for the person")
    start_training(page, "Ada Löve")
    page.wait_for_selector(".ep-outcome >> text=Ada Löve is ready")
    assert page.locator("#ep-train-curves svg").count() == 0  # no LoRA is trained unless asked for
    page.click(".ep-outcome >> text=Make a portrait")
    page.click("#ep-portrait-templates .ep-tile >> nth=0")
    page.wait_for_selector(".ep-face >> nth=1")
    page.click("#ep-portrait-go")
    page.wait_for_selector(".ep-shot-card")
    style = "getComputedStyle(e.querySelector('{}')).{}".format
    shown = f"e => [{style('.ep-was', 'clipPath')}, +{style('.ep-tag-l', 'opacity')}]"
    assert page.eval_on_selector(".ep-compare", shown) == ["inset(0px 100% 0px 0px)", 0]  # it opens on the portrait
    page.locator(".ep-range").fill("40")
    assert page.eval_on_selector(".ep-compare", shown) == ["inset(0px 60% 0px 0px)", 1]
    page.click(".ep-open")
    page.wait_for_selector("#ep-lightbox[open] .ep-lightbox-now img")
    inside = "e => e.getBoundingClientRect().right < document.documentElement.clientWidth"
    assert page.eval_on_selector("[data-ep-shut]", inside)  # not under the scrollbar's place
    page.click("[data-ep-zoom='2']")
    wide = "e => Math.round(e.getBoundingClientRect().width / e.naturalWidth * devicePixelRatio)"
    assert page.eval_on_selector("#ep-lightbox .ep-lightbox-now img", wide) == 2
    page.keyboard.down("b")
    assert page.locator(".ep-lightbox-was").is_visible() and not page.locator(".ep-lightbox-now").is_visible()
    page.keyboard.up("b")
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.classList.contains('ep-open')")
    with page.expect_download() as download:
        page.click(".ep-shot-card >> text=Download")
    assert b"parameters" in Path(download.value.path()).read_bytes()[:4000]
    open_tab(page, PEOPLE)
    page.click(".ep-person >> text=Delete")
    page.fill(".ep-form input", "Ada Löve")
    page.click(".ep-form >> text=Delete permanently")
    page.wait_for_selector("#ep-people-told >> text=is deleted")
    page.wait_for_selector("#ep-people-list >> text=No people yet")


def test_reload_second_browser_and_cancel_in_the_middle(start_server: Start, open_page: Open, tmp_path: Path):
    server = start_server("0.3", "200")
    page = open_page(server.url)
    upload(page, tmp_path)
    start_training(page)
    page.wait_for_selector(".ep-job-running")
    page.reload()
    open_tab(page, PEOPLE)
    page.wait_for_selector("#ep-status >> text=Training · Ada")
    page.wait_for_function("/^\\d+% · /.test(document.title)")
    page.click("#ep-status >> text=Show")
    page.wait_for_selector(".ep-job-running")
    other = open_page(server.url)
    other.wait_for_selector(".ep-job-running >> text=Training the LoRA")
    other.click(".ep-job >> text=Cancel")
    page.wait_for_selector(".ep-job-cancelled")
    other.wait_for_selector(".ep-job-cancelled")


def test_a_killed_server_shows_the_job_as_interrupted_and_resumes(start_server: Start, open_page: Open, tmp_path: Path):
    server = start_server("0.3", "200")
    page = open_page(server.url)
    upload(page, tmp_path)
    start_training(page)
    page.wait_for_selector(".ep-job-running")
    server.kill()
    again = start_server("0.02", "5", port=server.port)
    page = open_page(again.url)
    page.wait_for_selector(".ep-job-interrupted")
    page.click(".ep-job button:text-is('Resume')")
    page.wait_for_selector(".ep-outcome >> text=Ada is ready")


def test_a_second_template_of_ones_own_and_who_is_who(start_server: Start, open_page: Open, tmp_path: Path):
    server = start_server()
    page = open_page(server.url)
    upload(page, tmp_path)
    start_training(page)
    page.wait_for_selector(".ep-outcome")
    open_tab(page, PORTRAIT)
    page.wait_for_selector("#ep-portrait-templates .ep-tile")
    files = [str(group(tmp_path / "us two.png")), str(broken(tmp_path / "half.png"))]
    page.set_input_files("#ep-portrait-upload input[type=file]", files)
    page.wait_for_selector(".ep-chooser >> .ep-beside >> text=half.png")
    page.wait_for_selector(".ep-face >> nth=1")
    assert page.locator(".ep-select select").nth(0).input_value() == ""
    page.locator(".ep-select select").nth(0).select_option(label="Ada")
    page.wait_for_function("document.querySelectorAll('.ep-select select')[0].value !== ''")
    page.click("#ep-portrait-templates .ep-x")
    page.wait_for_selector("#ep-portrait-templates >> text=0 chosen")
    page.wait_for_selector("#ep-portrait-go[aria-disabled=true][title*='Choose at least one template']")
    page.click("#ep-portrait-go", force=True)  # it answers all the same
    page.wait_for_selector("#ep-portrait-problem >> text=Choose at least one template")


def test_the_page_speaks_chinese(start_server: Start, open_page: Open, tmp_path: Path):
    server = start_server()
    page = open_page(server.url, locale="zh-CN")
    assert "/zh/" in page.url
    upload(page, tmp_path)
    page.click("text=检查照片")
    page.wait_for_selector("text=3 张中有 3 张可用")
    said = page.inner_text("#easyphoto")
    assert not re.search(r"\b(Photos|Train|Start|Name|Advanced|Portrait)\b", said)
    page.click(".ep-langs >> text=English")
    page.wait_for_selector("text=Make portraits")
    page.goto(server.url)
    page.wait_for_selector("text=Make portraits")


def test_nothing_jumps_and_every_button_has_a_name(start_server: Start, open_page: Open, tmp_path: Path):
    server = start_server()
    page = open_page(server.url, tab=QUICK, viewport={"width": 390, "height": 844})
    assert page.evaluate(SHIFT) < 0.1
    open_tab(page, TRAIN)
    upload(page, tmp_path)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
    assert page.evaluate(NAMELESS) == [] == page.evaluate(MISNAMED)


def test_the_keyboard_reaches_a_verdict_and_keeps_its_place(start_server: Start, open_page: Open, tmp_path: Path):
    server = start_server()
    page = open_page(server.url)
    upload(page, tmp_path)
    page.locator(".ep-photo >> nth=0 >> text=Exclude").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".ep-photo >> nth=0 >> .ep-badge.ep-bad")
    page.wait_for_function("document.activeElement.textContent.trim() === 'Exclude'")


def test_a_page_that_nobody_uses_asks_less_and_less(start_server: Start, open_page: Open):
    page = open_page(start_server().url + "en/")
    page.clock.install()
    page.reload()
    open_tab(page, TRAIN)
    page.wait_for_selector("#ep-train-start")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)

    def in_minutes(minutes: int) -> int:
        before = len(asked)
        for _ in range(minutes * 6):
            page.clock.run_for(10_000)
        page.wait_for_timeout(300)
        return len(asked) - before

    assert 3 <= in_minutes(2) <= 8
    assert in_minutes(5) <= 5
    page.click("#ep-train-person input, #ep-train-person textarea")
    assert in_minutes(1) >= 3
    page.evaluate("document.querySelector('#easyphoto').style.display = 'none'")  # as in a hidden tab of a host
    in_minutes(1)
    assert in_minutes(5) == 0
