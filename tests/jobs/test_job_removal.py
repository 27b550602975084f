"""Nothing private is left behind: deleted, expired and lost jobs, modes of folders."""

from __future__ import annotations

import os
from threading import Event as Flag
from time import sleep

import pytest
from jobs_world import TRAIN, until

from easyphoto.domain import PortraitRequest
from easyphoto.errors import BadRequest, Busy, NotFound, TrainingFailed
from easyphoto.jobs import CheckRequest, Kind, State
from easyphoto.progress import Step


def test_delete_removes_the_private_files(open_queue, studio, photos):
    queue = open_queue()
    done = until(queue, queue.submit(Kind.PORTRAIT, PortraitRequest(), photos), State.DONE)
    made = studio.paths.root / done.result["portraits"][0]["file"]
    queue.delete(done.id)
    assert not (studio.paths.jobs / done.id).exists()
    assert made.is_file()
    with pytest.raises(NotFound):
        queue.get(done.id)
    again = until(queue, queue.submit(Kind.PORTRAIT, PortraitRequest(), photos), State.DONE)
    queue.delete(again.id, with_results=True)
    assert not (studio.paths.portraits / again.id).exists()


def test_delete_an_unfinished_training_removes_its_workshop(open_queue, studio, photos):
    studio.fails = TrainingFailed("plain", text="It broke.", exit_code=3, last_lines=(), log="", remedy="")
    queue = open_queue()
    failed = until(queue, queue.submit(Kind.TRAIN, TRAIN, photos), State.FAILED)
    workshop = studio.paths.jobs / "train-ann"
    workshop.mkdir()
    queue.delete(failed.id)
    assert not workshop.exists()


def test_delete_a_running_one_asks_it_to_stop_first(open_queue, studio, photos, monkeypatch):
    gate = Flag()

    def silent_until_then(stage, report):
        gate.wait(20)
        for _ in range(500):
            report(Step(stage, 1, 1))
            sleep(0.02)

    monkeypatch.setattr(studio, "_work", silent_until_then)
    queue = open_queue()
    job = queue.submit(Kind.TRAIN, TRAIN, photos)
    until(queue, job, State.RUNNING)
    with pytest.raises(Busy):
        queue.delete(job.id)
    gate.set()
    until(queue, job, State.CANCELLED)
    queue.delete(job.id)


def test_old_unfinished_jobs_lose_their_photos(open_queue, studio, photos, monkeypatch):
    studio.fails = TrainingFailed("plain", text="It broke.", exit_code=3, last_lines=(), log="", remedy="")
    queue = open_queue()
    failed = until(queue, queue.submit(Kind.TRAIN, TRAIN, photos), State.FAILED)
    queue.close()
    monkeypatch.setattr("easyphoto.jobs.expiry.KEEP_SECONDS", 0.0)
    again = open_queue()
    assert not again.get(failed.id).resumable
    with pytest.raises(BadRequest):
        again.resume(failed.id)


def test_folders_the_list_has_lost_are_swept(open_queue, studio, photos):
    queue = open_queue()
    kept = until(queue, queue.submit(Kind.CHECK, CheckRequest(), photos), State.DONE)
    lost = studio.paths.jobs / "20200101-000000-00000000"
    fresh = studio.paths.jobs / "20200101-000000-00000001"
    for own in (lost, fresh):
        (own / "pictures").mkdir(parents=True)
    os.utime(lost, (1, 1))
    os.utime(studio.paths.jobs / kept.id, (1, 1))
    queue.close()
    open_queue()
    assert not lost.exists()
    assert fresh.exists()
    assert (studio.paths.jobs / kept.id).exists()


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_nobody_else_can_look_in(open_queue, studio, photos):
    studio.gate = Flag()
    queue = open_queue()
    job = until(queue, queue.submit(Kind.TRAIN, TRAIN, photos), State.RUNNING)
    for place in (studio.paths.root, studio.paths.jobs, studio.paths.jobs / job.id):
        assert place.stat().st_mode & 0o077 == 0
