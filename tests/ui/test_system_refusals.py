"""The page says what the system refuses, with a remedy, and stays as it is."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from fake_studio import make_person
from ui_world import desk_in, drafted, selfie

from easyphoto.library import Library, Templates
from easyphoto.ui.context import UiContext
from easyphoto.ui.own_templates import add_template
from easyphoto.ui.people_panel import PeoplePanel
from easyphoto.ui.people_view import Opened
from easyphoto.ui.quick_view import QuickDraft
from easyphoto.ui.selection import Selection
from easyphoto.ui.train_panel import TrainPanel
from easyphoto.ui.uploads import BrowserUploads

REFUSALS = {
    "There is no room left on the disk": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "can only be read": OSError(errno.EROFS, os.strerror(errno.EROFS)),
    "no permission": PermissionError(errno.EACCES, os.strerror(errno.EACCES), "x"),
    "Too many files": OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
    "not enough memory": MemoryError(),
    "no room left": sqlite3.OperationalError("database or disk is full"),
}


@pytest.fixture(params=REFUSALS.items(), ids=REFUSALS)
def refusal(request: pytest.FixtureRequest) -> tuple[str, Exception]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def context(tmp_path: Path) -> Iterator[UiContext]:
    with desk_in(tmp_path) as context:
        yield context


def refuse(monkeypatch: pytest.MonkeyPatch, place: object, name: str, error: Exception) -> None:
    def refused(*arguments: object, **named: object) -> object:
        raise error

    monkeypatch.setattr(place, name, refused)


def told(shown: list[object], words: str) -> bool:
    page = str(shown)
    return words in page and "What to do" in page and "report this" not in page.lower()


def test_training(context: UiContext, refusal: tuple[str, Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    words, error = refusal
    panel = TrainPanel(context)
    with gr.Blocks():
        panel.build(gr.Textbox(), gr.State(QuickDraft()))
    draft = drafted(selfie(tmp_path / "a.png"))
    values = {name: widget.value for name, widget in panel.form.widgets.items()} | {"person": "Ann", "consent": True}
    refuse(monkeypatch, type(context.jobs), "submit", error)
    assert told(panel.on_check(draft, "", {}), words)
    assert told(panel.on_start(draft, "", {}, *values.values()), words)
    refuse(monkeypatch, BrowserUploads, "take", error)
    assert told(panel.on_upload(None, draft, "", {}), words)


def test_people(context: UiContext, refusal: tuple[str, Exception], monkeypatch: pytest.MonkeyPatch):
    words, error = refusal
    make_person(context.studio.paths, "Ann")
    panel = PeoplePanel(context)
    refuse(monkeypatch, Library, "rename", error)
    click = json.dumps({"do": "rename", "person": "ann", "text": "Bob"})
    assert told(panel.on_box(click, Opened(), {}), words)
    refuse(monkeypatch, BrowserUploads, "take", error)
    assert told(panel.on_import(None, Opened(), {}), words)


def test_templates(context: UiContext, refusal: tuple[str, Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    words, error = refusal
    upload = context.uploads.add("a.png", selfie(tmp_path / "a.png"))
    refuse(monkeypatch, Templates, "add", error)
    selection, shown = add_template(context, upload, Selection())
    assert selection == Selection() and words in str(shown)
