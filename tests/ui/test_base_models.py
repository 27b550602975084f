"""Base models come and go while the page is open; a form begins with the engine's first one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from ui_world import desk_in, drafted, selfie

from easyphoto.domain import BUILTIN_CHECKPOINT, Checkpoint, ModelFamily, PortraitRequest, TrainRequest
from easyphoto.errors import MissingModel
from easyphoto.jobs import Kind
from easyphoto.ui.base_models import MARK, BaseModels
from easyphoto.ui.context import UiContext
from easyphoto.ui.portrait_panel import PortraitPanel
from easyphoto.ui.quick_view import QuickDraft
from easyphoto.ui.selection import Selection
from easyphoto.ui.train_panel import TrainPanel


class HostEngine:
    """The host's checkpoints and nothing else."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)

    def checkpoints(self) -> list[Checkpoint]:
        return [self.checkpoint(name) for name in self.names]

    def default(self) -> str:
        return self.names[0] if self.names else ""

    def vaes(self) -> list[str]:
        return []

    def identity_adapter(self, family: ModelFamily) -> None:
        return None

    def checkpoint(self, name: str) -> Checkpoint:
        if name not in self.names:
            raise MissingModel("plain", text=f"There is no {name!r}.", remedy="")
        return Checkpoint(name, ModelFamily.SDXL if "xl" in name else ModelFamily.SD15)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[UiContext]:
    with desk_in(tmp_path) as context:
        context.studio.engine = HostEngine("dream", "dream-xl")  # type: ignore[assignment]
        yield context


def built(context: UiContext, kind: type) -> TrainPanel | PortraitPanel:
    panel = kind(context)
    with gr.Blocks():
        panel.build(*([gr.Textbox()] if kind is PortraitPanel else [gr.Textbox(), gr.State(QuickDraft())]))
    return panel


def engine_of(context: UiContext) -> HostEngine:
    return context.studio.engine  # type: ignore[return-value]


@pytest.mark.parametrize(("panel", "kind"), [(TrainPanel, TrainRequest), (PortraitPanel, PortraitRequest)])
def test_a_form_begins_with_the_engines_first_model_and_its_family(context: UiContext, panel: type, kind: type):
    made = built(context, panel).form
    assert made.request([widget.value for widget in made.all_widgets()]) == kind.for_family(
        ModelFamily.SD15, base_model="dream"
    )


def test_choices_follow_and_the_choice_stays(context: UiContext):
    models = BaseModels(context)
    update, mark = models.fresh({})
    assert (update["choices"], "value" in update) == (["dream", "dream-xl"], False)
    assert "choices" not in models.fresh({MARK: mark})[0]
    engine_of(context).names.append("new")
    update, _ = models.fresh({MARK: mark})
    assert (update["choices"][-1], "value" in update) == ("new", False)


@pytest.mark.parametrize("shown", [{}, {MARK: ""}])
def test_the_first_model_that_comes_is_chosen(context: UiContext, shown: dict[str, str]):
    engine_of(context).names.clear()
    models = BaseModels(context)
    assert "models/Stable-diffusion" in models.note_html()
    engine_of(context).names.append("late")
    assert models.fresh(shown)[0]["value"] == "late"
    assert models.note_html() == ""


def test_without_any_model_nothing_is_ordered_and_the_reason_is_told(context: UiContext, tmp_path: Path):
    engine_of(context).names.clear()
    train, portrait = built(context, TrainPanel), built(context, PortraitPanel)
    values = {name: widget.value for name, widget in train.form.widgets.items()} | {"person": "Ada", "consent": True}
    draft = drafted(selfie(tmp_path / "a.png"))
    assert "Choose a base model." in train.on_start(draft, "", {}, *values.values())[0]
    values = [widget.value for widget in portrait.form.all_widgets()]
    assert "Choose a base model." in portrait.on_generate(Selection(), {}, *values)[0]
    assert context.jobs.list(Kind.TRAIN) == context.jobs.list(Kind.PORTRAIT) == []


def test_a_host_says_where_its_models_come_from(tmp_path: Path, context: UiContext):
    assert "refresh button" in BaseModels(context).changes()["info"]
    with desk_in(tmp_path / "own") as own:
        changes = BaseModels(own).changes()
        assert BUILTIN_CHECKPOINT in changes["choices"]
        assert "info" not in changes


def test_a_model_that_has_just_gone_changes_nothing(context: UiContext):
    for panel in (built(context, TrainPanel), built(context, PortraitPanel)):
        assert all("value" not in update for update in panel.on_model("gone"))
        assert any("value" in update for update in panel.on_model("dream-xl"))
