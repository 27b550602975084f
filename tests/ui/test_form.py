"""The form and the requests hold together: one table for page, API and defaults."""

from __future__ import annotations

import gradio as gr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easyphoto.domain import ModelFamily, Option, PortraitRequest, TrainRequest, options_of
from easyphoto.errors import BadRequest
from easyphoto.stages import Stage
from easyphoto.ui.form import Form, cleaned
from easyphoto.ui.i18n import Translator

KINDS = (TrainRequest, PortraitRequest)


def form_of(kind: type, language: str = "en") -> Form:
    form = Form(kind, Translator(language), "ep-test")
    with gr.Blocks():
        form.place_rest()
    return form


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_has_one_widget_in_the_order_of_the_request(kind: type):
    assert list(form_of(kind).widgets) == list(options_of(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_widgets_as_made_give_the_family_defaults(kind: type):
    form = form_of(kind)
    values = [widget.value for widget in form.all_widgets()]
    assert form.request(values) == kind.for_family(ModelFamily.BUILTIN)


@pytest.mark.parametrize("kind", KINDS)
def test_widgets_carry_the_bounds_and_the_help_of_the_field(kind: type):
    form = form_of(kind)
    for name, option in options_of(kind).items():
        widget = form.widgets[name]
        assert widget.label == option.label
        assert widget.info == option.help
        assert getattr(widget, "minimum", option.low) == option.low
        assert getattr(widget, "maximum", option.high) == option.high
        if option.choices:
            assert [c[0] if isinstance(c, (list, tuple)) else c for c in widget.choices] == list(option.choices)


def values_for(option: Option, default: object) -> st.SearchStrategy[object]:
    if isinstance(default, bool):
        return st.booleans()
    if option.choices:
        return st.sampled_from(option.choices)
    if isinstance(default, int):
        return st.integers(int(option.low or 0), int(option.high or 0))
    if isinstance(default, float):
        return st.floats(option.low, option.high)
    return st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20)


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_shown_and_read_is_the_same_request(kind: type):
    form = form_of(kind)
    options = options_of(kind)
    fields = st.fixed_dictionaries({n: values_for(o, getattr(form.defaults, n)) for n, o in options.items()})

    @settings(max_examples=40, deadline=None)
    @given(fields)
    def round_trip(given_values: dict) -> None:
        if "alpha" in given_values:
            given_values["alpha"] = min(given_values["alpha"], given_values["rank"])
        request = kind(**given_values)
        assert form.request([getattr(request, name) for name in form.widgets]) == request

    round_trip()


@pytest.mark.parametrize("family", list(ModelFamily))
def test_another_base_model_brings_its_defaults(family: ModelFamily):
    form = form_of(TrainRequest)
    updates = dict(zip(form.widgets, form.defaults_for(family, but=("person",)), strict=True))
    assert "value" not in updates["person"]
    assert updates["rank"]["value"] == TrainRequest.for_family(family).rank


def test_a_widget_is_made_once():
    form = Form(PortraitRequest, Translator(), "ep-test")
    with gr.Blocks():
        form.place("seed")
        with pytest.raises(ValueError, match="seed"):
            form.place("seed")


@pytest.mark.parametrize("value", [None, "", "7 steps"])
def test_an_emptied_number_is_refused_by_name(value: object):
    with pytest.raises(BadRequest, match="rank"):
        cleaned("rank", value, 16)


def test_half_a_step_is_refused():
    with pytest.raises(BadRequest, match="whole"):
        cleaned("first_steps", 2.5, 50)


def test_numbers_that_sliders_send_as_floats_become_whole():
    assert cleaned("first_steps", 20.0, 50) == 20
    assert isinstance(cleaned("first_steps", 20.0, 50), int)


def test_chinese_labels_stand_at_the_widgets():
    assert form_of(PortraitRequest, "zh").widgets["seed"].label == "随机种子"


def test_what_changes_nothing_with_a_family_is_not_shown_with_it():
    with gr.Blocks():
        form = Form(PortraitRequest, Translator(), "x")
        form.place_rest()
    assert not form.widgets["seed"].visible and form.widgets["retouch"].visible
    shown = dict(zip(form.widgets, form.defaults_for(ModelFamily.SD15, but=("seed",)), strict=True))
    assert shown["seed"].get("visible") is True and "value" not in shown["seed"]
    hidden = dict(zip(form.widgets, form.defaults_for(ModelFamily.BUILTIN), strict=True))
    assert hidden["prompt"]["visible"] is False and "visible" not in hidden["retouch"]


@pytest.mark.parametrize("family", list(ModelFamily))
def test_a_seed_is_hidden_only_where_nothing_is_painted(family: ModelFamily):
    if "seed" in family.spec.without_effect:
        assert {Stage.FIRST_PASS, Stage.SECOND_PASS}.isdisjoint(PortraitRequest.for_family(family).face_stages)
