"""People in the page: imports whose name is taken, portraits by person, what stands under Details."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from fake_studio import make_person
from test_gallery import made_of
from ui_world import desk_in, selfie, uploaded

from easyphoto.ui.context import UiContext
from easyphoto.ui.people_panel import PeoplePanel
from easyphoto.ui.people_view import Opened
from easyphoto.ui.portrait_panel import PortraitPanel
from easyphoto.ui.selection import Selection


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[UiContext]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    with desk_in(tmp_path) as context:
        yield context


def waiting(context: UiContext) -> list[str]:
    return [folder.name for folder in context.studio.paths.uploads.glob("*")]


def test_an_import_whose_name_is_taken_asks_for_another(context: UiContext, tmp_path: Path):
    person, panel = make_person(context.studio.paths, "Ada"), PeoplePanel(context)
    file = context.studio.library.export(person.id, tmp_path / "ada.zip")
    told = panel.on_import(uploaded(file), Opened(), {})[1]
    assert "exists" in told and "Import under another name" in told
    (upload,) = waiting(context)
    again = json.dumps({"do": "import-as", "upload": upload, "text": "Ada"})
    assert "Import under another name" in panel.on_box(again, Opened(), {})[1]
    again = json.dumps({"do": "import-as", "upload": upload, "text": "Ada two"})
    assert "Ada two was imported" in panel.on_box(again, Opened(), {})[1]
    assert {one.id for one in context.people()} == {"ada", "ada-two"} and waiting(context) == []


def test_an_import_that_is_given_up_leaves_nothing(context: UiContext, tmp_path: Path):
    person, panel = make_person(context.studio.paths, "Ada"), PeoplePanel(context)
    panel.on_import(uploaded(context.studio.library.export(person.id, tmp_path / "ada.zip")), Opened(), {})
    (upload,) = waiting(context)
    assert panel.on_box(json.dumps({"do": "import-drop", "upload": upload}), Opened(), {})[1] == ""
    assert waiting(context) == []
    assert (
        'role="alert"' in panel.on_box(json.dumps({"do": "import-as", "upload": "../x", "text": "B"}), Opened(), {})[1]
    )


def test_a_persons_portraits_are_counted_and_shown(context: UiContext, tmp_path: Path):
    made_of(context, "Ada", selfie(tmp_path / "a.png"), selfie(tmp_path / "b.png", 9))
    html = str(PeoplePanel(context).on_tick(Opened(), {}))
    assert "2 portraits" in html and "no original photos" in html
    panel = PortraitPanel(context)
    with gr.Blocks():
        panel.build(gr.Textbox())
    told = json.dumps({"tab": "portrait", "person": "ada", "gallery": True})
    assert panel.on_go(told, Selection(), {})[0].view.person == "ada"
