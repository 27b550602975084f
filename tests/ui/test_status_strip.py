"""The line over all panels: what runs, what waits, what has just ended."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path

from ui_world import desk_in, selfie

from easyphoto.domain import TrainRequest
from easyphoto.jobs import Job, JobFile, Kind, State
from easyphoto.ui.i18n import Translator
from easyphoto.ui.status_strip import StatusStrip, strip_html
from easyphoto.ui.time_left import ProgressEstimate

WHERE = ProgressEstimate(0.42, 10.0, 30.0)
JOB = Job("20260101-000000-00000000", Kind.TRAIN, State.RUNNING, {"person": "Ada"}, ("a",), 1.0, 1.0, stage="train")


def test_nothing_stands_there_while_nothing_runs(tmp_path: Path):
    with desk_in(tmp_path) as context:
        assert StatusStrip(context)._strip() == ""


def test_it_says_what_runs_how_far_it_is_and_what_waits():
    waiting = replace(JOB, id="x", state=State.QUEUED, place=1)
    html = strip_html(JOB, WHERE, [JOB, waiting], "<b>Ada", Translator())
    assert all(words in html for words in ("Training", "&lt;b&gt;Ada", "42%", "about 30 s left", "1 waiting", "Cancel"))
    assert 'data-ep-percent="42"' in html and "data-ep-live" in html
    assert "number 1 in the queue" in strip_html(waiting, WHERE, [waiting], "Ada", Translator())


def test_what_has_ended_is_told_and_cannot_be_cancelled():
    html = strip_html(replace(JOB, state=State.DONE, ended=11.0), WHERE, [], "Ada", Translator("zh"))
    assert "data-ep-ended" in html and "data-ep-live" not in html and "取消" not in html


def test_a_running_job_is_cancelled_from_any_panel(tmp_path: Path):
    with desk_in(tmp_path, gate=threading.Event()) as context:
        strip, file = StatusStrip(context), selfie(tmp_path / "a.png")
        request = TrainRequest(person="Ada", consent=True)
        job = context.jobs.submit(Kind.TRAIN, request, [JobFile(file, file.name)])
        html, shown = strip.on_tick({})
        assert "Ada" in html["value"]
        trouble, *_ = strip.on_box(json.dumps({"do": "cancel", "job": job.id}), shown)
        limit = time.monotonic() + 20
        while not context.jobs.get(job.id).over:
            assert time.monotonic() < limit
            time.sleep(0.02)
        assert trouble == "" and "Cancelled" in strip.on_tick({})[0]["value"]
        assert 'role="alert"' in strip.on_box(json.dumps({"do": "cancel", "job": "../x"}), {})[0]
