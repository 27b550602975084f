"""Start pressed twice, and the panel of the diagnostics as it is opened."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_studio import make_person
from ui_world import Line, desk_in, drafted, selfie

from easyphoto.diagnostics import MISSING
from easyphoto.domain import LoraCheckpoint, ModelFamily, TrainRequest
from easyphoto.errors import BadRequest
from easyphoto.jobs import Kind
from easyphoto.ui.context import UiContext
from easyphoto.ui.doctor_panel import DoctorPanel, findings_html
from easyphoto.ui.people_panel import PeoplePanel
from easyphoto.ui.people_view import Opened
from easyphoto.ui.quick_view import QuickDraft
from easyphoto.ui.train_panel import TrainPanel
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


def test_continue_of_a_person_fills_in_what_goes_on_from_their_lora(
    context: UiContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import gradio as gr

    lora = LoraCheckpoint(tmp_path / "ada.safetensors", ModelFamily.BUILTIN, 4, 10)
    person = replace(make_person(context.studio.paths, "Ada"), lora=lora, base_model=context.models()[0])
    other = make_person(context.studio.paths, "Ada 2")
    monkeypatch.setattr(UiContext, "people", lambda self: [person, other])
    (card,) = [one for one in people_html_of(context).split("<li") if f'data-ep-person="{person.id}"' in one]
    assert "Continue training" in card
    panel = TrainPanel(context)
    with gr.Blocks():
        panel.build(gr.Textbox(), gr.State(QuickDraft()))
    asked = json.dumps({"tab": "train", "continue": True, "person": person.id})
    told = [update.get("value") for update in panel.on_continue(asked)]
    assert told == ["Ada 3", person.base_model, True, "Ada"]
    kept = dict(zip(panel.form.widgets, panel.on_model(person.base_model, "Ada"), strict=True))
    assert "value" not in kept["train_lora"] and "value" not in kept["continue_from"]
    for elsewhere in ({"tab": "portrait", "person": person.id}, {"tab": "train", "continue": True, "person": "gone"}):
        assert all("value" not in update for update in panel.on_continue(json.dumps(elsewhere)))


def people_html_of(context: UiContext) -> str:
    return str(PeoplePanel(context)._page(Opened(), {})[1]["value"])
