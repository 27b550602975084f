"""The page of model files: groups with sizes and licenses, a download from the press to the end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from ui_world import desk_in

from easyphoto.jobs import Event, Kind, State
from easyphoto.ui.context import UiContext
from easyphoto.ui.i18n import Translator
from easyphoto.ui.models_panel import ModelsPanel
from easyphoto.ui.models_view import group_cards, speed_html


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[UiContext]:
    """Downloads are forbidden: a job of one fails at once."""
    monkeypatch.setenv("EASYPHOTO_OFFLINE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with desk_in(tmp_path) as context:
        yield context


@pytest.fixture
def panel(context: UiContext) -> ModelsPanel:
    made = ModelsPanel(context)
    with gr.Blocks():
        made.build()
    return made


def shown(updates: list[Any]) -> str:
    """The HTML of all updates."""
    return "".join(str(one["value"]) for one in updates if isinstance(one, dict) and "value" in one)


def test_every_group_says_what_it_needs_and_what_it_costs(panel: ModelsPanel):
    html = shown(panel.on_tick(False, {}))
    assert "Stable Diffusion 1.5 with its ControlNets" in html and "0 of 5 files" in html
    assert "Fetch 461 MB" in html  # those for commercial use, whose sizes are all public
    assert "and more" in html and "Research only, in part" in html and "gpen-512" in html
    assert "enhancer-built-in" not in html
    assert shown(panel.on_tick(False, panel.on_tick(False, {})[-1])) == ""  # nothing new, nothing sent


def test_for_commercial_use_other_files_stand_in(panel: ModelsPanel):
    html = shown(panel.on_tick(True, {}))
    assert "gpen-512" not in html and "Research only" not in html and "gfpgan-1.4" in html


def test_a_press_fetches_and_a_failure_says_what_to_do(panel: ModelsPanel):
    press = json.dumps({"do": "fetch", "group": "faces-commercial"})
    assert panel.on_box(press, False, {})[1] == ""
    (job,) = panel.context.jobs.list(Kind.WEIGHTS)
    end = time.monotonic() + 20
    while not panel.context.jobs.get(job.id).over:
        assert time.monotonic() < end
        time.sleep(0.02)
    html = shown(panel.on_tick(False, {}))
    assert "nothing may be fetched" in html and "weights import" in html
    again = panel.on_box(json.dumps({"do": "delete", "job": job.id}), False, {})
    assert panel.context.jobs.list(Kind.WEIGHTS) == [] and "nothing may be" not in shown(again)


def test_a_foreign_name_is_refused(panel: ModelsPanel):
    for said in ({"do": "fetch", "group": "../x"}, {"do": "fetch"}):
        assert "There is no group" in str(panel.on_box(json.dumps(said), False, {})[1])


def test_files_that_are_there_leave_nothing_to_fetch(context: UiContext):
    store = context.studio.weights
    for file in store.catalog.select("faces-commercial"):
        place = store.folders.place(file)
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as out:
            out.truncate(file.bytes or 0)  # a hole: no byte on the disk
    card = next(card for card in group_cards(store, False) if card.name == "faces-commercial")
    assert card.missing == () and card.bytes == 0 and card.commercial


@pytest.mark.parametrize(("language", "said"), [("en", "12.5 MB/s, 1 min 20 s left"), ("zh", "12.5 MB/秒")])
def test_speed_and_time_left(language: str, said: str):
    event = Event(1, 0.0, State.RUNNING, "fetch", 5, 10, figures={"speed": 12.5, "left": 80.0})
    assert said in speed_html([event, replace(event, figures={})], Translator(language))
    assert speed_html([], Translator(language)) == ""
