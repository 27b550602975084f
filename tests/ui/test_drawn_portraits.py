"""The portrait panel where a picture is drawn from the prompt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_studio import make_person
from ui_world import desk_in

from easyphoto.jobs import Kind
from easyphoto.ui.context import UiContext
from easyphoto.ui.portrait_panel import PortraitPanel
from easyphoto.ui.selection import Selection


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[UiContext]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    with desk_in(tmp_path) as context:
        yield context


def click(**said: object) -> str:
    return json.dumps(said)


def test_a_picture_that_is_drawn_needs_no_template_but_a_person(context: UiContext):
    import gradio as gr

    panel = PortraitPanel(context)
    with gr.Blocks():
        panel.build(gr.Textbox())
    values = [name == "from_text" or widget.value for name, widget in panel.form.widgets.items()]
    assert "person" in panel.on_generate(Selection(), {}, *values)[0]
    ada, bob = (make_person(context.studio.paths, name) for name in ("Ada", "Bob"))
    _, _, selection, *_ = panel.on_box(click(do="person", person=ada.id), Selection(), {})
    assert any(f'value="{ada.id}" selected' in str(part) for part in panel.on_tick(Selection().given(ada.id), {}))
    assert panel.on_generate(selection, {}, *values)[0] == ""
    (job,) = context.jobs.list(Kind.PORTRAIT)
    assert (job.request["persons"], job.files) == ([ada.id], ()) and bob.id != ada.id
