"""Ids and requests from outside are read strictly; what is refused leaves nothing."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from easyphoto.domain import PortraitRequest, TrainRequest
from easyphoto.errors import BadPicture, BadRequest, NotFound
from easyphoto.jobs import CheckRequest, JobFile, Kind
from easyphoto.jobs.requests import read_request


@pytest.mark.parametrize(
    "hostile", ["", "..", "../../etc", "20260101-000000-abcdef01\n", "CON", "a" * 300, "\0", "%2e"]
)
def test_hostile_ids(open_queue, hostile):
    queue = open_queue()
    for call in (queue.get, queue.cancel, queue.resume, queue.delete, queue.events, queue.log):
        with pytest.raises(NotFound):
            call(hostile)
    with pytest.raises(NotFound):
        next(queue.watch(hostile))


def test_refused_submissions_leave_nothing(open_queue, studio, photos, tmp_path):
    queue = open_queue()
    with pytest.raises(BadRequest):
        queue.submit(Kind.TRAIN, PortraitRequest(), photos)
    with pytest.raises(BadRequest):
        queue.submit(Kind.CHECK, CheckRequest(), [])
    with pytest.raises(BadRequest):
        queue.submit(Kind.CHECK, CheckRequest(), [JobFile(photos[0].file, "x", "maybe")])
    with pytest.raises(BadPicture):
        queue.submit(Kind.CHECK, CheckRequest(), [*photos, JobFile(tmp_path / "gone.png", "gone.png")])
    assert [f for f in studio.paths.jobs.iterdir() if f.is_dir()] == []
    assert queue.list() == []


@pytest.mark.parametrize(
    "data",
    [
        {"nonsense": 1},
        {"rank": "8"},
        {"rank": True},
        {"rank": 1.5},
        {"rank": float("nan")},
        {"rank": float("inf")},
        {"rank": 10**400},
        {"learning_rate": float("inf")},
        {"validation": 1},
        {"person": None},
        {"person": "\ud800"},
        {"person": "a\0b"},
        {"person": "x" * 3000},
        {"precision": "fp64"},
    ],
)
def test_requests_are_read_strictly(data):
    with pytest.raises(BadRequest) as caught:
        read_request(TrainRequest, data)
    assert next(iter(data)) in caught.value.problem


def test_requests_survive_json():
    request = PortraitRequest(persons=("ann", ""), seed=3, first_denoising_strength=0.2)
    assert read_request(PortraitRequest, asdict(request)) == request
    assert read_request(TrainRequest, {"rank": 64.0}).rank == 64
