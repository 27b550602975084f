"""Deleting a person takes quick portraits of the same photos along, and nobody else's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fake_studio import FakeStudio, make_person
from PIL import Image

from easyphoto.deletion import delete_person
from easyphoto.domain import QuickRequest, TrainRequest
from easyphoto.errors import NotFound
from easyphoto.jobs import Job, JobFile, JobQueue, Kind, PictureRole, State
from easyphoto.library.uploads import UploadStore
from easyphoto.paths import Paths

NAME, ID = "Zaphira", "zaphira"


@dataclass
class World:
    studio: FakeStudio
    queue: JobQueue
    folder: Path

    def picture(self, name: str) -> Path:
        if not (self.folder / name).exists():
            Image.effect_noise((64, 64), 80).convert("RGB").save(self.folder / name)
        return self.folder / name

    def quick(self, photo: str, template: str = "template.png") -> Job:
        roles = {photo: PictureRole.PHOTO, template: PictureRole.TEMPLATE}
        files = [JobFile(self.picture(name), name, role=role) for name, role in roles.items()]
        return self.queue.submit(Kind.QUICK, QuickRequest(consent=True), files)

    def train(self, photo: str) -> Job:
        request = TrainRequest(person=NAME, consent=True)
        return self.queue.submit(Kind.TRAIN, request, [JobFile(self.picture(photo), photo)])

    def ended(self, job: Job) -> Job:
        for _ in self.queue.watch(job.id, timeout=10):
            pass
        return self.queue.get(job.id)

    def delete(self) -> object:
        return delete_person(ID, self.studio)  # type: ignore[arg-type]


@pytest.fixture
def w(tmp_path: Path) -> Iterator[World]:
    studio = FakeStudio(Paths(tmp_path / "data"))
    queue = JobQueue(studio.paths, studio)  # type: ignore[arg-type]
    yield World(studio, queue, tmp_path)
    if studio.gate:
        studio.gate.set()
    queue.close()


def test_quick_portraits_of_their_photos_go_and_others_stay(w: World):
    w.ended(w.train("me.png"))
    mine, others = w.ended(w.quick("me.png")), w.ended(w.quick("bob.png"))
    UploadStore(w.studio.paths.uploads).add("me.png", w.picture("me.png"))
    gone, kept = (w.studio.paths.root / job.result["portraits"][0]["file"] for job in (mine, others))  # type: ignore[index]
    assert gone.is_file() and kept.is_file()
    deleted = w.delete()
    assert [job.id for job in w.queue.list()] == [others.id]
    assert kept.is_file() and not gone.exists()
    assert not (w.studio.paths.jobs / mine.id).exists()
    assert (deleted.portraits, deleted.uploads, deleted.jobs) == (1, 1, 2)  # type: ignore[attr-defined]


def test_a_template_that_is_a_photo_of_theirs_is_no_photo_of_a_strangers_job(w: World):
    w.ended(w.train("me.png"))
    others = w.ended(w.quick("bob.png", template="me.png"))
    w.delete()
    assert w.queue.get(others.id).state is State.DONE


def test_a_running_one_is_stopped_first(w: World):
    w.ended(w.train("me.png"))
    w.studio.gate = threading.Event()
    running = w.quick("me.png")
    next(event for event in w.queue.watch(running.id, timeout=10) if event.stage)
    w.delete()
    with pytest.raises(NotFound):
        w.queue.get(running.id)
    assert not list(w.studio.paths.root.rglob("*.png"))


def test_one_that_is_asked_for_by_a_failed_training_of_them_goes_too(w: World):
    """Without a person in the library the training's own photos tell."""
    w.studio.fails = RuntimeError("broken")
    w.ended(w.train("me.png"))
    w.studio.fails = None
    w.ended(w.quick("me.png"))
    w.delete()
    assert w.queue.list() == []


def test_a_deletion_of_somebody_without_photos_takes_none_along(w: World):
    make_person(w.studio.paths, NAME)
    w.ended(w.quick("me.png"))
    w.delete()
    assert len(w.queue.list()) == 1
