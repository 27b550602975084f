"""Every panel at four widths, in both languages and both themes: nothing beyond the edge, nothing that axe finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import QUICK, Running
from fake_studio import make_person
from test_browser import MISNAMED, NAMELESS
from test_browser_quick import BELOW, BEYOND, GO_TO
from ui_world import group, paths_in

pytestmark = pytest.mark.slow

PANELS = {  # what there is to see, and the main button
    "quick": ("#ep-quick-templates .ep-tile >> nth=9", "#ep-quick-go"),
    "train": ("#ep-train-photos", "#ep-train-start"),
    "portrait": ("#ep-portrait-templates .ep-tile >> nth=9", "#ep-portrait-go"),
    "people": ("[data-ep-person]", ""),
    "models": (".ep-model-group", ""),
    "doctor": ("#ep-doctor-found .ep-findings", ""),
}
WIDTHS = (360, 390, 768, 1440)
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WHOLE = """place => {
    const edge = document.querySelector(place).getBoundingClientRect().bottom;
    return [...document.querySelectorAll(place + ' .ep-tile')].map(one => one.getBoundingClientRect())
        .filter(box => box.top >= 0 && box.bottom <= Math.min(edge, innerHeight)).length;
}"""
UNDESCRIBED = """() => [...document.querySelectorAll('#easyphoto img:not([alt])')]
    .filter(e => e.offsetParent && !e.src.startsWith('data:image/svg')).map(e => e.outerHTML.slice(0, 160))"""


@pytest.fixture
def server(start_server: Callable[..., Running], tmp_path: Path) -> Iterator[Running]:
    """With somebody in it, and templates of long names."""
    paths = paths_in(tmp_path)
    make_person(paths, "Ada " + "of a very long name " * 3)
    for number in range(9):
        group(paths.shipped_templates / f"{number}_{'a_very_long_name_of_a_file_from_a_camera' * 3}.png")
    yield start_server()


def with_a_portrait(page: Any) -> None:
    """From the sample photo."""
    page.click("#ep-quick-photos .ep-offer button[data-ep-message*=sample]")
    page.wait_for_selector(".ep-thumb")
    page.wait_for_function("document.querySelector('#ep-quick-consent input').checked")
    page.click("#ep-quick-templates .ep-tile >> nth=0")
    page.wait_for_selector("#ep-quick-templates .ep-tile[aria-pressed=true]")
    page.click("#ep-quick-go")
    page.wait_for_selector("#ep-quick-shots .ep-shot-card")


def open_panel(page: Any, name: str) -> None:
    page.evaluate(GO_TO, name)  # on a phone its tab lies in a menu
    page.wait_for_selector(PANELS[name][0])
    page.wait_for_timeout(400)


def layout_faults(page: Any, name: str) -> list[Any]:
    seen, button = PANELS[name]
    beyond = page.evaluate(BEYOND, [f"#ep-{name}-templates .ep-tile", f"#ep-{name}-templates"]) if "tile" in seen else 0
    return [
        *([f"wider than the window by {wide} px"] if (wide := page.evaluate(OVERFLOW)) > 0 else []),
        *([f"{beyond} tiles beyond the edge"] if beyond else []),
        *([f"{button} below the edge"] if button and page.evaluate(BELOW, button) > 0 else []),
        *page.evaluate(NAMELESS),
        *page.evaluate(MISNAMED),
        *page.evaluate(UNDESCRIBED),
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_panel_fits(server: Running, open_page: Callable[..., Any], language: str):
    page = open_page(f"{server.url}{language}/", tab=QUICK)
    with_a_portrait(page)
    faults = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for name in PANELS:
            open_panel(page, name)
            faults += [(width, name, fault) for fault in layout_faults(page, name)]
    assert faults == []
    open_panel(page, "portrait")  # at 1440 x 900 at last
    page.evaluate("scrollTo(0, 0)")
    assert page.evaluate(WHOLE, "#ep-portrait-templates .ep-templates") >= 4


@pytest.mark.parametrize("language", ["en", "zh"])
def test_axe_finds_nothing(server: Running, open_page: Callable[..., Any], language: str):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    page = open_page(f"{server.url}{language}/", tab=QUICK)
    with_a_portrait(page)
    faults = []
    for theme, width in (("dark", 1440), ("light", 1440), ("light", 390)):
        page.set_viewport_size({"width": width, "height": 900})
        page.click(f"[data-ep-theme={theme}]")
        page.wait_for_selector(f"[data-ep-theme={theme}][aria-pressed=true]")
        for name in PANELS:
            open_panel(page, name)
            found = axe.run(page, context="#easyphoto").response["violations"]
            faults += [(theme, width, name, one["id"], [n["html"][:200] for n in one["nodes"][:3]]) for one in found]
    assert faults == []
