"""A disk that fills up at many points of a training, of portraits, of uploads: told as such, and it goes on after."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from counts import tries
from fake_studio import make_person
from fakes import draw_faces, save
from server_world import photo, running_server
from small_disk import fill, small_disk
from tiny_cli import studio
from training_world import TrainingWorld

from easyphoto.domain import PortraitRequest, Template
from easyphoto.errors import EasyPhotoError

pytestmark = pytest.mark.slow

MEGABYTES = 24


@pytest.fixture
def on_small_disk(training: TrainingWorld) -> Iterator[TrainingWorld]:
    """A training whose data folder has a small disk of its own."""
    with small_disk(training.data, MEGABYTES):
        yield training


def points(count: int, most: int) -> list[int]:
    """Bytes that are left, from nothing to `most`."""
    return [most * number // max(1, count - 1) for number in range(count)]


@pytest.mark.parametrize("left", points(tries(2, 15), 1_800_000))
def test_a_training_names_the_full_disk_and_goes_on(on_small_disk: TrainingWorld, unbroken: str, left: int):
    world = on_small_disk
    ballast = fill(world.data, left)
    first = world.run()
    if first.code != 0:  # the last points have room enough
        told = first.answer["error"]
        assert first.code in (5, 7), told
        assert "disk" in (told["problem"] + told["remedy"]).lower(), told
        assert told["code"] not in ("defect", "internal")
        assert not world.person.exists()
        ballast.unlink()
        again = world.run()
        assert again.code == 0, again.answer
    assert world.tensors() == unbroken


@pytest.mark.parametrize("left", points(tries(3, 10), 120_000))
def test_portraits_name_the_full_disk_and_keep_what_is_finished(on_small_disk: TrainingWorld, left: int):
    world = on_small_disk
    tools = studio(world.data, world.folder / "models", world.base)
    make_person(tools.paths, "Ann")
    face = save(draw_faces((200, 200), [((100, 100), 60, (200, 120, 100))]), world.folder / "face.png")
    reference = tools.library.open("ann").reference
    reference.write_bytes(face.read_bytes())
    templates = [Template(face, f"{number}.png") for number in range(4)]
    ballast = fill(world.data, left)
    request = PortraitRequest(persons=("ann",))
    made: list[object] = []
    try:
        batch = tools.portrait(request, templates, on_result=made.append)
    except EasyPhotoError as error:
        assert error.code == "system.disk-full", error
    else:
        assert {failure.code for failure in batch.failures} <= {"system.disk-full"}
        assert all(one.file is not None and one.file.stat().st_size > 0 for one in batch.portraits)
    assert not list(world.data.rglob("*.part"))
    ballast.unlink()
    assert len(tools.portrait(request, templates).portraits) == 4


def test_uploads_name_the_full_disk_and_leave_nothing(on_small_disk: TrainingWorld):
    world = on_small_disk
    with running_server(world) as server:
        for left in points(tries(4, 15), 60_000):
            ballast = fill(world.data, left)
            statuses = set()
            for number in range(40):
                body = photo(f"{number}.png", (400 + number, 300))
                kind, wrapped = ("uploads", body) if number % 2 else ("jobs/check", {"photos": [body]})
                answer = server.ask("POST", kind, wrapped)
                statuses.add(answer.status)
                if answer.status == 507:
                    assert answer.body["code"] == "system.disk-full", answer
            assert statuses <= {201, 202, 409, 507}, (left, statuses)
            assert not list(world.data.rglob("*.part"))
            ballast.unlink()
        assert 507 in server.seen
        assert server.ask("POST", "uploads", photo()).status == 201
        job = server.ask("POST", "jobs/check", {"photos": [photo()]})
        assert job.status in (202, 409)
        assert server.ask("GET", "jobs").status == 200
