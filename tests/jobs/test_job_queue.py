"""The queue: order, events, cancel, failures that end one job only."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event as Flag

import pytest
from jobs_world import TRAIN, until
from PIL import Image

from easyphoto.domain import PortraitRequest, TrainRequest
from easyphoto.errors import BadPicture, Busy, TrainingFailed
from easyphoto.jobs import CheckRequest, JobFile, Kind, State
from easyphoto.jobs.requests import read_request
from easyphoto.progress import Step


def test_check_runs_and_forgets_the_photos(open_queue, studio, photos, tmp_path):
    queue = open_queue()
    job = queue.submit(Kind.CHECK, CheckRequest(), photos)
    assert job.files == ("my a.png", "my b.png")
    (tmp_path / "a.png").unlink()  # its copy is the queue's
    done = until(queue, job, State.DONE)
    assert [r["verdict"] for r in done.result["reports"]] == ["keep", "keep"]
    assert done.result["reports"][0]["size"] == [20, 30]
    left = [f.name for f in (studio.paths.jobs / job.id).iterdir()]
    assert len(left) == 2 and "digests.json" in left and any(name.startswith("preview-") for name in left)
    assert done.created <= done.started <= done.ended


def test_train_result_names_the_person(open_queue, photos):
    queue = open_queue()
    done = until(queue, queue.submit(Kind.TRAIN, TRAIN, photos), State.DONE)
    assert done.result["person"] == "ann"
    assert done.result["losses"] == [[1, 0.5]]
    assert read_request(TrainRequest, done.request) == TRAIN


def test_events_tell_the_story(open_queue, photos):
    queue = open_queue()
    job = queue.submit(Kind.CHECK, CheckRequest(), photos)
    story = list(queue.watch(job.id, timeout=5))
    assert [e.number for e in story] == list(range(1, len(story) + 1))
    assert (story[0].state, story[-1].state) == (State.RUNNING, State.DONE)
    steps = [e for e in story if e.stage]
    assert (steps[-1].done, steps[-1].total, steps[-1].figures) == (4, 4, {"loss": 0.25})
    assert Image.open(steps[-1].preview).size == (32, 32)
    assert list(queue.events(job.id, since=story[-2].number)) == story[-1:]
    assert "check photos 4/4 loss 0.25" in queue.log(job.id)


def test_watch_gives_up_after_its_timeout(open_queue, studio, photos):
    studio.gate, studio.steps = Flag(), 0
    queue = open_queue()
    first = queue.submit(Kind.TRAIN, TRAIN, photos)
    waiting = queue.submit(Kind.TRAIN, TRAIN, photos)
    until(queue, first, State.RUNNING)
    start = time.monotonic()
    assert list(queue.watch(waiting.id, timeout=0.2)) == []
    assert 0.1 < time.monotonic() - start < 2


def test_line_and_places(open_queue, studio, photos):
    studio.gate = Flag()
    queue = open_queue()
    jobs = [queue.submit(Kind.TRAIN, TrainRequest(person=n, consent=True), photos) for n in ("a", "b", "c")]
    until(queue, jobs[0], State.RUNNING)
    assert [queue.get(j.id).place for j in jobs] == [0, 1, 2]
    check = queue.submit(Kind.CHECK, CheckRequest(), photos)
    until(queue, check, State.RUNNING)  # a check does not wait behind a training
    studio.gate.set()
    for job in jobs:
        until(queue, job, State.DONE)
    assert [c[1].person for c in studio.calls if c[0] == "train"] == ["a", "b", "c"]
    assert {j.id for j in queue.list(Kind.TRAIN, [State.DONE])} == {j.id for j in jobs}


def test_cancel_a_running_one_within_three_seconds(open_queue, studio, photos):
    studio.gate = Flag()
    queue = open_queue()
    job = queue.submit(Kind.TRAIN, TRAIN, photos)
    until(queue, job, State.RUNNING)
    start = time.monotonic()
    queue.cancel(job.id)
    stopped = until(queue, job, State.CANCELLED)
    assert time.monotonic() - start < 3
    assert stopped.error is None
    assert stopped.resumable
    assert queue.cancel(job.id).state is State.CANCELLED


def test_cancel_a_waiting_one_at_once(open_queue, studio, photos):
    studio.gate = Flag()
    queue = open_queue()
    first = queue.submit(Kind.TRAIN, TRAIN, photos)
    until(queue, first, State.RUNNING)
    waiting = queue.submit(Kind.PORTRAIT, PortraitRequest(), photos)
    assert queue.cancel(waiting.id).state is State.CANCELLED
    assert [file.name for file in (studio.paths.jobs / waiting.id).iterdir()] == ["digests.json"]
    assert list(queue.watch(waiting.id, timeout=0))[-1].state is State.CANCELLED


def test_failure_says_what_and_the_next_job_runs(open_queue, studio, photos):
    studio.fails = TrainingFailed(
        "plain", text="It broke.", exit_code=3, last_lines=("boom",), log="log.txt", remedy="Mend it."
    )
    queue = open_queue()
    failed = until(queue, queue.submit(Kind.TRAIN, TRAIN, photos), State.FAILED)
    assert failed.error["kind"] == "TrainingFailed"
    assert failed.error["last_lines"] == "boom"
    assert failed.error["remedy"] == "Mend it."
    assert failed.resumable
    studio.fails = None
    queue.resume(failed.id)
    assert until(queue, failed, State.DONE).error is None


def test_a_fault_of_ours_fails_the_job_alone(open_queue, studio, photos, caplog):
    studio.fails = ZeroDivisionError("oh")
    queue = open_queue()
    with caplog.at_level(logging.CRITICAL):
        failed = until(queue, queue.submit(Kind.CHECK, CheckRequest(), photos), State.FAILED)
    assert "ZeroDivisionError" in failed.error["problem"]
    studio.fails = None
    until(queue, queue.submit(Kind.CHECK, CheckRequest(), photos), State.DONE)


def test_file_names_that_are_no_text(open_queue, studio, photos, monkeypatch):
    def check(given: list, report: Callable[[Step], None], faces: str) -> tuple[()]:
        report(Step("check photos", 0, 1, given[0].name))
        raise BadPicture("plain", text="It is odd.", file=given[0].name, remedy="")

    monkeypatch.setattr(studio, "check_photos", check)
    queue = open_queue()
    job = queue.submit(Kind.CHECK, CheckRequest(), [JobFile(photos[0].file, "a\udcff.png")])
    failed = until(queue, job, State.FAILED)
    assert failed.files == ("a\udcff.png",)
    assert failed.note == "a?.png"


def test_log_lines_of_the_job_are_events(open_queue, studio, photos, monkeypatch):
    def warn(photos: object, report: object, faces: str) -> tuple[()]:
        logging.getLogger("easyphoto.faces").warning("one eye is shut")
        return ()

    monkeypatch.setattr(studio, "check_photos", warn)
    queue = open_queue()
    logging.getLogger("easyphoto.faces").warning("not of the job")
    job = until(queue, queue.submit(Kind.CHECK, CheckRequest(), photos), State.DONE)
    assert [e.line for e in queue.events(job.id) if e.line] == ["warning: one eye is shut"]


def test_line_has_an_end(open_queue, studio, photos, monkeypatch):
    monkeypatch.setattr("easyphoto.jobs.queue.MOST_WAITING", 1)
    studio.gate = Flag()
    queue = open_queue()
    until(queue, queue.submit(Kind.TRAIN, TRAIN, photos), State.RUNNING)
    queue.submit(Kind.TRAIN, TRAIN, photos)
    with pytest.raises(Busy):
        queue.submit(Kind.TRAIN, TRAIN, photos)
