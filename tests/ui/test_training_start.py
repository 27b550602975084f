"""Start pressed twice, and the panel of the diagnostics as it is opened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ui_world import Line, desk_in, drafted, selfie

from easyphoto.diagnostics import MISSING
from easyphoto.domain import TrainRequest
from easyphoto.errors import BadRequest
from easyphoto.jobs import Kind
from easyphoto.ui.context import UiContext
from easyphoto.ui.doctor_panel import DoctorPanel, findings_html
from easyphoto.ui.training_start import start_training

ADA = TrainRequest(person="Ada", consent=True)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[UiContext]:
    with desk_in(tmp_path, pause=0.2, steps=200) as context:
        yield context


def test_start_pressed_twice_is_one_training_and_its_name_is_held(context: UiContext, tmp_path: Path):
    draft = drafted(selfie(tmp_path / "a.png"))
    start_training(context, ADA, draft)
    start_training(context, ADA, draft)
    with pytest.raises(BadRequest, match="A training of that name waits or runs"):
        start_training(context, ADA, drafted(selfie(tmp_path / "b.png")))
    assert len(context.jobs.list(Kind.TRAIN)) == 1


def test_the_diagnostics_are_there_when_their_panel_is_opened(context: UiContext):
    import gradio as gr

    panel = DoctorPanel(context)
    with gr.Blocks():
        panel.build()
    found, examined = panel.on_tick(False)
    assert examined and "Nothing that is needed is missing" in found["value"]
    assert "value" not in panel.on_tick(True)[0]
    assert "1 thing that is needed is missing" in findings_html([Line(), Line(state=MISSING)], context)
