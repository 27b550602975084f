"""Restart, a process that died, two processes, a database that is damaged or newer."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from threading import Event as Flag

import pytest
from fake_studio import FakeStudio
from jobs_world import TRAIN, until

from easyphoto.domain import PortraitRequest, TrainRequest
from easyphoto.errors import Busy
from easyphoto.jobs import CheckRequest, JobFile, Kind, State


def test_closed_while_running_is_interrupted_and_goes_on(open_queue, studio, photos):
    studio.gate = Flag()
    queue = open_queue()
    running = queue.submit(Kind.TRAIN, TRAIN, photos)
    until(queue, running, State.RUNNING)
    waiting = queue.submit(Kind.PORTRAIT, PortraitRequest(), photos)
    queue.close()
    with pytest.raises(Busy):
        queue.get(running.id)
    studio.gate = None
    again = open_queue()
    assert again.get(running.id).state is State.INTERRUPTED
    until(again, waiting, State.DONE)
    again.resume(running.id)
    assert until(again, running, State.DONE).result["person"] == "ann"
    states = [e.state for e in again.events(running.id) if not e.stage]
    assert states == [State.RUNNING, State.INTERRUPTED, State.QUEUED, State.RUNNING, State.DONE]


KILLED = """
import os, sys, threading, time
from pathlib import Path
from fake_studio import FakeStudio
from easyphoto.domain import TrainRequest
from easyphoto.jobs import JobFile, JobQueue, Kind, State
from easyphoto.paths import Paths
studio = FakeStudio(Paths(Path(sys.argv[1])), gate=threading.Event())
queue = JobQueue(studio.paths, studio)
job = queue.submit(Kind.TRAIN, TrainRequest(person="Ann", consent=True), [JobFile(Path(sys.argv[2]), "a")])
while queue.get(job.id).state is not State.RUNNING:
    time.sleep(0.01)
print(job.id, flush=True)
if sys.argv[3] == "die":
    os._exit(9)
time.sleep(60)
"""


def _other_process(studio: FakeStudio, photos: list[JobFile], end: str) -> subprocess.Popen[str]:
    tests = Path(__file__).parents[1]
    command = [sys.executable, "-c", KILLED, str(studio.paths.root), str(photos[0].file), end]
    places = [str(tests), str(tests.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_process_that_died_leaves_an_interrupted_job(open_queue, studio, photos):
    other = _other_process(studio, photos, "die")
    out, _ = other.communicate(timeout=60)
    queue = open_queue()
    found = queue.get(out.strip())
    assert found.state is State.INTERRUPTED
    assert found.resumable
    queue.resume(found.id)
    until(queue, found, State.DONE)


def test_second_process_watches_submits_and_takes_over(open_queue, studio, photos):
    other = _other_process(studio, photos, "stay")
    running = other.stdout.readline().strip()
    queue = open_queue()
    assert not queue.active
    assert queue.get(running).state is State.RUNNING
    mine = queue.submit(Kind.TRAIN, TrainRequest(person="Bob", consent=True), photos)
    check = queue.submit(Kind.CHECK, CheckRequest(), photos)
    until(queue, check, State.RUNNING)  # the other process runs it
    assert studio.calls == []
    queue.cancel(check.id)
    until(queue, check, State.CANCELLED)
    other.kill()
    other.wait()
    until(queue, mine, State.DONE)
    assert queue.active
    assert queue.get(running).state is State.INTERRUPTED


def test_damaged_file_is_set_aside(open_queue, studio, photos):
    studio.paths.jobs.mkdir(parents=True)
    (studio.paths.jobs / "jobs.sqlite").write_bytes(b"rubbish" * 1000)
    queue = open_queue()
    until(queue, queue.submit(Kind.CHECK, CheckRequest(), photos), State.DONE)
    assert len(list(studio.paths.jobs.glob("jobs.sqlite.damaged-2*"))) == 1


def test_newer_file_is_left_alone(open_queue, studio):
    open_queue().close()
    database = sqlite3.connect(studio.paths.jobs / "jobs.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(Exception, match="newer version"):
        open_queue()
    assert not list(studio.paths.jobs.glob("*.damaged*"))
