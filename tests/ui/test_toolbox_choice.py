"""The face toolbox on the page: a choice where there are several; no distance is read with another one's thresholds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_studio import make_person
from ui_world import desk_in, drafted, selfie

from easyphoto.domain import LikenessLevel, LoraCheckpoint, ModelFamily, TrainRequest
from easyphoto.providers import Toolboxes
from easyphoto.ui.context import UiContext
from easyphoto.ui.form import Form
from easyphoto.ui.people_panel import PeoplePanel
from easyphoto.ui.people_view import Opened
from easyphoto.ui.train_panel import TrainPanel
from easyphoto.ui.train_view import facts_html


@pytest.fixture
def context(tmp_path: Path) -> Iterator[UiContext]:
    with desk_in(tmp_path) as context:
        yield context


def test_a_request_is_made_with_the_chosen_toolbox(context: UiContext):
    form = Form(TrainRequest, context.say, "ep-train")
    (field,) = form.place("faces", **context.choices("faces"))
    assert field.visible and field.allow_custom_value
    assert form.request(["other"]).faces == "other"
    assert form.request([None]).faces == ""


def test_photos_are_checked_with_the_toolbox_of_the_training(context: UiContext, tmp_path: Path):
    _, _, checking, *_ = TrainPanel(context).on_check(drafted(selfie(tmp_path / "a.png")), "", {}, "other")
    assert context.jobs.get(checking).request == {"faces": "other"}


def test_with_one_toolbox_there_is_nothing_to_choose(context: UiContext):
    context.studio.toolboxes = Toolboxes(context.studio.paths)
    assert not context.choices("faces")["visible"]


def test_a_distance_of_another_recognizer_is_not_read_with_our_thresholds(context: UiContext):
    lora = LoraCheckpoint(Path("x.safetensors"), ModelFamily.SD15, 4, 100, distance=0.2)
    ours, theirs = (
        replace(make_person(context.studio.paths, name), lora=lora, recognizer=recognizer)
        for name, recognizer in (("Ada", "fake"), ("Bo", "other"))
    )
    panel = PeoplePanel(context)
    assert panel._card(ours, Opened(), 0).level is LikenessLevel.SAME_PERSON
    assert panel._card(theirs, Opened(), 0).level is None


def test_advice_follows_the_recognizer_of_the_report(context: UiContext):
    facts = {"distance_by_step": {"100": 0.7}, "votes": {"100": 1.0}, "seconds": {}}
    usual = facts_html(facts, "dream", context.say)
    other = facts_html({**facts, "recognizer": {"name": "other", "same": 1.1, "strict": 0.9}}, "dream", context.say)
    assert usual != other
    assert len(usual) > len(other)
