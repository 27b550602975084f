"""A panel's events run one after another on the values of one page, and a poll compares with what the page shows."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest

from easyphoto.ui import compat
from easyphoto.ui.panel_session import PanelSession

LIMIT = 20.0  # seconds


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Callable[..., Any], Any, Any]]:
    """What gradio would be given: (handler, inputs, outputs)."""
    taken: list[tuple[Callable[..., Any], Any, Any]] = []
    monkeypatch.setattr(compat, "listen", lambda event, run, ins, outs, once=False: taken.append((run, ins, outs)))
    return taken


def page_of(inputs: Any) -> Any:
    """The values of a page that has just been opened."""
    return copy.deepcopy(inputs[0].value)


def test_an_event_waits_for_the_one_before_it_and_neither_is_lost(bound: list[Any]):
    started, go = threading.Event(), threading.Event()

    def slow(chosen: tuple[str, ...]) -> list[Any]:
        started.set()
        assert go.wait(LIMIT)
        return ["slow", (*chosen, "slow")]

    with gr.Blocks():
        session, html = PanelSession("x", ("a",), chosen=()), gr.HTML("")
        session.poll(slow, [session["chosen"]], [html, session["chosen"]])
        session.listen(
            html.change, lambda text, now: ["quick", (*now, text)], [html, session["chosen"]], [html, session["chosen"]]
        )
    (poll, inputs, outputs), (click, *_) = bound
    page, answers = page_of(inputs), []
    first = threading.Thread(target=lambda: answers.append(poll(page, "{}")))
    first.start()
    assert started.wait(LIMIT)
    second = threading.Thread(target=lambda: answers.append(click(page, "click")))
    second.start()
    go.set()
    first.join(LIMIT)
    second.join(LIMIT)
    assert answers == ["slow", "quick"]
    assert page.values["chosen"] == ("slow", "click")
    assert outputs == [html]  # gradio never holds the values, so no late answer can bring old ones back


def test_a_poll_compares_with_what_the_page_shows(bound: list[Any]):
    seen: list[dict[str, str]] = []

    def poll_run(shown: dict[str, str]) -> list[Any]:
        seen.append(shown)
        return ["", {"a": "new", "b": "new", "browser": "me"}]

    with gr.Blocks():
        session, html = PanelSession("x", ("a", "b")), gr.HTML("")
        session.poll(poll_run, [session["shown"]], [html, session["shown"]])
    poll, inputs, _ = bound[0]
    page = page_of(inputs)
    poll(page, json.dumps({"shown": {"a": "late", "browser": "somebody"}}))
    poll(page, json.dumps({"shown": {"a": "late", "browser": "somebody"}}))
    poll(page, json.dumps({"shown": 7}))
    poll(page, "no json")
    assert seen == [{"a": "late"}, {"a": "late", "browser": "me"}, {"browser": "me"}, {"browser": "me"}]


def test_every_page_has_values_of_its_own(bound: list[Any]):
    with gr.Blocks():
        session, html = PanelSession("x", (), chosen=()), gr.HTML("")
        session.listen(html.change, lambda text: ["", (text,)], [html], [html, session["chosen"]])
    click, inputs, _ = bound[0]
    one, other = page_of(inputs), page_of(inputs)
    click(one, "mine")
    assert (one.values["chosen"], other.values["chosen"]) == (("mine",), ())


def test_a_value_of_another_panel_is_read_only(bound: list[Any]):
    with gr.Blocks():
        session, other, html = PanelSession("x", (), n=1), PanelSession("y", (), photos=("p",)), gr.HTML("")
        inputs = [html, other["photos"], session["n"]]
        session.listen(html.change, lambda text, photos, n: [photos, n + 1], inputs, [html, session["n"]])
    click, inputs, _ = bound[0]
    own, foreign = page_of(inputs), copy.deepcopy(inputs[1].value)
    assert click(own, foreign, "") == ("p",) and own.values["n"] == 2
