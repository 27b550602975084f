"""What the presets took on this machine is told beside them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_studio import make_person
from ui_world import desk_in, selfie

from easyphoto.domain import PortraitRequest, TrainRequest
from easyphoto.errors import MissingModel
from easyphoto.families import ModelFamily
from easyphoto.jobs import Job, JobFile, Kind, State
from easyphoto.ui.context import UiContext
from easyphoto.ui.effort import PRESETS
from easyphoto.ui.effort_times import EffortTimes


def done(context: UiContext, kind: Kind, request: Any, *files: Path) -> Job:
    job = context.jobs.submit(kind, request, [JobFile(file, file.name) for file in files])
    limit = time.monotonic() + 30
    while not context.jobs.get(job.id).over:
        assert time.monotonic() < limit
        time.sleep(0.02)
    assert context.jobs.get(job.id).state is State.DONE
    return context.jobs.get(job.id)


def effort(kind: type[Any], name: str) -> Any:
    return PRESETS[kind][name].request(kind, ModelFamily.BUILTIN)


def test_each_preset_has_the_time_of_its_newest_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with desk_in(tmp_path) as context:
        times = EffortTimes(TrainRequest, context)
        assert times.html() == ""
        quick = replace(effort(TrainRequest, "quick"), person="Ada", consent=True)
        by_hand = replace(quick, person="Bea", save_steps=quick.save_steps + 1)
        photo = selfie(tmp_path / "a.png")
        done(context, Kind.TRAIN, by_hand, photo)
        assert times.runs() == {}  # somebody's own values are no preset
        done(context, Kind.TRAIN, quick, photo, selfie(tmp_path / "b.png", 9))
        asked: list[str] = []
        events = type(context).events
        monkeypatch.setattr(type(context), "events", lambda self, job: asked.append(job.id) or events(self, job))
        (run,) = times.runs().values()
        assert (run.preset, run.base_model, run.pictures) == ("quick", "built-in", 2) and run.seconds >= 0
        html = str(times.html())
        assert "built-in: Quick" in html and "pictures: 2" in html
        assert len(asked) == 1  # worked out once


def test_portraits_count_what_was_made(tmp_path: Path):
    with desk_in(tmp_path) as context:
        ada = make_person(context.studio.paths, "Ada")
        normal = replace(effort(PortraitRequest, "normal"), persons=(ada.id,))
        done(context, Kind.PORTRAIT, normal, selfie(tmp_path / "a.png"))
        (run,) = EffortTimes(PortraitRequest, context).runs().values()
        assert (run.preset, run.pictures) == ("normal", 1)


def test_a_base_model_that_has_gone_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with desk_in(tmp_path) as context:
        request = replace(effort(TrainRequest, "normal"), person="Ada", consent=True)
        done(context, Kind.TRAIN, request, selfie(tmp_path / "a.png"))

        def gone(self: object, name: str) -> Any:
            raise MissingModel("engine.unknown-model", stage="request", name=name)

        monkeypatch.setattr(type(context.studio.engine), "checkpoint", gone)
        assert EffortTimes(TrainRequest, context).runs() == {}
