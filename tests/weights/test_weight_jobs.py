"""Downloads as jobs: beside the device's work, with progress, cancelled at once, continued by the next."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_studio import FakeStudio
from file_server import Served, serving
from weight_files import SHORT, listed, tensor_bytes

from easyphoto.domain import PortraitRequest
from easyphoto.errors import BadRequest
from easyphoto.jobs import Job, JobFile, JobQueue, Kind, State, WeightsRequest
from easyphoto.paths import Paths
from easyphoto.weights import WeightCatalog, WeightStore
from easyphoto.weights.part_file import PartFile
from easyphoto.weights.places import WeightFolders

CONTENT = tensor_bytes()


class World:
    """A queue whose studio knows one file, which comes slowly at first."""

    def __init__(self, root: Path, served: Served) -> None:
        self.studio = FakeStudio(Paths(root), gate=threading.Event())
        files = {"net": listed(CONTENT, served.address, known=False)}
        folders = WeightFolders(self.studio.paths.weights, root / "models")
        self.studio.weights = WeightStore(lambda: WeightCatalog(files), folders, SHORT)
        self.queue = JobQueue(self.studio.paths, self.studio)  # type: ignore[arg-type]

    def fetch(self, *names: str) -> Job:
        return self.queue.submit(Kind.WEIGHTS, WeightsRequest(names))

    def ended(self, job: Job) -> Job:
        end = time.monotonic() + 20
        while not self.queue.get(job.id).over:
            assert time.monotonic() < end
            time.sleep(0.02)
        return self.queue.get(job.id)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serving(CONTENT, lambda one: one.number == 1 and not one.drip(8_000, 0.05)) as served:
        made = World(tmp_path, served)
        yield made
        made.studio.gate.set()
        made.queue.close()


def test_a_fetch_runs_beside_a_portrait_is_cancelled_and_goes_on(world: World, astronaut: Path):
    portrait = world.queue.submit(Kind.PORTRAIT, PortraitRequest(persons=("",)), [JobFile(astronaut, "a.png")])
    first = world.fetch("some")
    place = world.studio.weights.folders.place(world.studio.weights.catalog.file("net"))
    while PartFile(place).size < 30_000:
        time.sleep(0.01)
    assert world.queue.get(portrait.id).state is State.RUNNING  # held at its gate all the time
    world.queue.cancel(first.id)
    assert world.ended(first).state is State.CANCELLED
    assert not place.exists() and PartFile(place).size > 0
    second = world.ended(world.fetch("net"))
    assert second.state is State.DONE and place.read_bytes() == CONTENT
    assert second.result is not None and second.result["files"] == ["net"]
    assert [note["code"] for note in second.result["notes"]] == ["weights.note.learnt"]
    assert {"fetch"} == {event.stage for event in world.queue.events(second.id) if event.stage}


def test_what_is_not_in_the_list_is_refused_before_it_is_queued(world: World):
    for names in ((), ("nothing",)):
        with pytest.raises(BadRequest):
            world.fetch(*names)
    assert world.queue.list(Kind.WEIGHTS) == []


def test_a_fetch_that_fails_says_why(tmp_path: Path):
    with serving(b"x") as served:
        world = World(tmp_path, served)
        served.fault = lambda exchange: not exchange.head(0, 404)
        job = world.ended(world.fetch("net"))
        world.queue.close()
    assert job.state is State.FAILED and job.error is not None
    assert "answers 404" in job.error["problem"] and "weights import" in job.error["remedy"]
