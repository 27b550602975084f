"""The advanced fields: every one in a group, presets, the mark at what was changed, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from ui_world import desk_in

from easyphoto.domain import BUILTIN_CHECKPOINT, ModelFamily, PortraitRequest, TrainRequest, options_of
from easyphoto.ui.advanced import GROUPS, AdvancedFields, differs
from easyphoto.ui.context import UiContext
from easyphoto.ui.effort import PRESETS
from easyphoto.ui.form import Form

KINDS = {TrainRequest: "ep-train", PortraitRequest: "ep-portrait"}


@pytest.fixture
def context(tmp_path: Path) -> Iterator[UiContext]:
    with desk_in(tmp_path) as context:
        yield context


def built(context: UiContext, kind: type[Any]) -> AdvancedFields:
    form = Form(kind, context.say, KINDS[kind], context.base())
    fields = AdvancedFields(form, context)
    with gr.Blocks():
        form.place(*(name for name, option in options_of(kind).items() if not option.advanced))
        form.place(*(("variations", "best_of", "seed") if kind is PortraitRequest else ()))
        fields.build()
        fields.listen()
    return fields


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_advanced_field_is_in_one_group(context: UiContext, kind: type[Any]):
    grouped = [name for names in GROUPS[kind].values() for name in names]
    assert len(grouped) == len(set(grouped))
    assert set(built(context, kind).form.widgets) == set(options_of(kind))


@pytest.mark.parametrize("family", list(ModelFamily))
@pytest.mark.parametrize("kind", list(KINDS))
def test_presets_are_requests_and_those_that_are_offered_change_something(kind: type[Any], family: ModelFamily):
    normal = kind.for_family(family)
    for preset in PRESETS[kind].values():
        request = preset.request(kind, family)  # within the bounds
        if preset.fields and (not preset.needs or getattr(normal, preset.needs)):
            assert request != normal


def test_a_preset_is_set_marked_and_taken_back(context: UiContext):
    fields = built(context, TrainRequest)
    assert fields._names(ModelFamily.BUILTIN) == ["Quick", "Normal"]  # the steps of no training change nothing
    assert fields._names(ModelFamily.SD15) == ["Quick", "Normal", "Thorough"]
    updates = dict(zip(fields.form.widgets, fields.on_preset("Quick", BUILTIN_CHECKPOINT), strict=True))
    assert updates["max_steps"]["value"] == fields.form.defaults.max_steps // 4 and "value" not in updates["person"]
    values = [updates[name].get("value", getattr(fields.form.defaults, name)) for name in fields.form.widgets]
    told = fields.on_changed(*values)
    assert 'data-ep-changed="ep-train-enhance-photos' in told and "ep-train-steps-per-photo" in told
    reset = fields.on_reset(BUILTIN_CHECKPOINT)
    assert reset[0]["value"] == "Normal"
    back = [update.get("value", value) for update, value in zip(reset[1:], values, strict=True)]
    assert fields.on_changed(*back).strip() == ""


def test_sliders_and_empty_choices_are_no_change():
    assert not differs(800.0, 800) and not differs(None, "") and not differs(False, False)
    assert differs(400, 800) and differs(True, False) and differs("bf16", "auto")
