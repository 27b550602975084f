"""An answer to a poll that arrives after that to the user's click: what the user chose is on the page all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import PEOPLE, PORTRAIT, QUICK, Running
from fake_studio import make_person
from ui_world import group, paths_in

pytestmark = pytest.mark.slow

Start = Callable[..., Running]
Open = Callable[..., Any]

POLLS = (
    """() => gradio_config.components.filter(c => /^ep-.*-(tick|poll)$/.test(c.props.elem_id || '')).map(c => c.id)"""
)


class HeldAnswers:
    """The server has answered, and the browser does not know it yet."""

    def __init__(self, page: Any) -> None:
        self._polls, self._held, self.holds = page.evaluate(POLLS), [], False
        page.route("**/run/predict*", self._route)

    def _route(self, route: Any) -> None:
        body = route.request.post_data_json or {}
        if self.holds and body.get("trigger_id") in self._polls:
            self._held.append((route, route.fetch()))
        else:
            route.continue_()

    def __bool__(self) -> bool:
        return bool(self._held)

    def release(self) -> None:
        self.holds = False
        for route, answer in self._held:
            route.fulfill(response=answer)
        self._held.clear()


def more_templates(root: Path) -> None:
    templates = paths_in(root).shipped_templates
    group(templates / f"late {len(list(templates.iterdir()))}.png")


def more_people(root: Path) -> None:
    make_person(paths_in(root), "Eve")


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    paths = paths_in(tmp_path)
    make_person(paths, "Ada")
    yield tmp_path


def chosen(panel: str) -> tuple[str, str]:
    tile = f"#ep-{panel}-templates .ep-tile"
    return tile, f"{tile}[aria-pressed=true]"


CASES = (
    (QUICK, more_templates, *chosen("quick")),
    (PORTRAIT, more_templates, *chosen("portrait")),
    (PEOPLE, more_people, "[data-ep-person] >> text=Rename", "#ep-people-list .ep-form"),
)


def test_news_that_come_late_do_not_undo_a_click(start_server: Start, open_page: Open, root: Path):
    server = start_server()
    for tab, something_new, button, outcome in CASES:
        page = open_page(server.url + "en/", tab=tab)
        page.wait_for_selector(button)
        page.wait_for_timeout(1500)  # the draft is read
        answers = HeldAnswers(page)
        something_new(root)
        answers.holds = True
        while not answers:
            page.wait_for_timeout(100)
        page.click(f"{button} >> nth=0")
        page.wait_for_selector(outcome)
        answers.release()
        page.wait_for_timeout(300)  # the late answer is there
        page.wait_for_selector(outcome, timeout=8000)  # after the next poll at the latest
        page.wait_for_timeout(1000)
        assert page.locator(outcome).count() == 1, outcome
        page.close()
