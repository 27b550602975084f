"""Quick portraits through the queue: photos and templates keep their roles, and nothing is stored without consent."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from pathlib import Path

import pytest
from PIL import Image

from easyphoto.domain import PortraitRequest, QuickRequest
from easyphoto.errors import BadRequest
from easyphoto.jobs import Job, JobFile, JobQueue, Kind, PictureRole, State
from easyphoto.jobs.requests import read_request

QUICK = QuickRequest(PortraitRequest(seed=7), consent=True)


def pictures(folder: Path, role: PictureRole, *names: str) -> list[JobFile]:
    for name in names:
        Image.effect_noise((24, 30), 90).convert("RGB").save(folder / name)
    return [JobFile(folder / name, f"my {name}", role=role) for name in names]


@pytest.fixture
def files(tmp_path: Path) -> list[JobFile]:
    return [
        *pictures(tmp_path, PictureRole.PHOTO, "me.png"),
        *pictures(tmp_path, PictureRole.TEMPLATE, "a.png", "b.png"),
    ]


def ended(queue: JobQueue, job: Job) -> Job:
    for _ in queue.watch(job.id, timeout=10):
        pass
    return queue.get(job.id)


def test_photos_go_to_the_person_and_templates_become_portraits(open_queue, studio, files):
    queue = open_queue()
    done = ended(queue, queue.submit(Kind.QUICK, QUICK, files))
    assert done.state is State.DONE, done.error
    assert studio.calls[0] == ("quick", QUICK, ("my me.png",))
    assert [made["template"] for made in done.result["portraits"]] == ["my a.png", "my b.png"]
    assert [photo["name"] for photo in done.result["reports"]] == ["my me.png"]
    assert done.result["warnings"][0]["code"] == "photos.few-usable"
    assert {Path(made["file"]).parent.name for made in done.result["portraits"]} == {done.id}
    assert read_request(QuickRequest, done.request) == QUICK
    counts = [(e.done, e.total) for e in queue.events(done.id) if e.stage == "portrait"]
    assert counts[-1] == (2, 2)


def test_neither_photos_nor_a_person_stay(open_queue, studio, files):
    queue = open_queue()
    done = ended(queue, queue.submit(Kind.QUICK, QUICK, files))
    left = sorted(file.name for file in (studio.paths.jobs / done.id).iterdir() if "preview" not in file.name)
    assert left == ["digests.json"]
    assert studio.library.list() == ()


def test_only_photos_tell_whose_it_is(open_queue, studio, files):
    """A template that ships is everybody's: its digest would tie strangers' jobs together."""
    job = open_queue().submit(Kind.QUICK, QUICK, files)
    assert len(json.loads((studio.paths.jobs / job.id / "digests.json").read_text())) == 1


@pytest.mark.parametrize(
    ("request_", "roles", "words"),
    [
        (QuickRequest(), (PictureRole.PHOTO, PictureRole.TEMPLATE), "consent"),
        (QUICK, (PictureRole.PHOTO,), "no picture"),
        (QUICK, (PictureRole.TEMPLATE,), "no picture"),
        (QUICK, (None,), "no picture"),
        (PortraitRequest(), (PictureRole.PHOTO, PictureRole.TEMPLATE), "QuickRequest"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_stored(open_queue, studio, files, request_, roles, words):
    queue = open_queue()
    given = [JobFile(files[0].file, "x.png", role=role) for role in roles]
    with pytest.raises(BadRequest, match=words):
        queue.submit(Kind.QUICK, request_, given)
    assert not [file for file in studio.paths.jobs.iterdir() if file.is_dir()]
    assert queue.list() == []


def test_an_interrupted_one_goes_on_with_the_templates_that_are_left(open_queue, studio, files, monkeypatch):
    real = studio._made

    def first_only(*args: object) -> object:
        made = real(*args)
        studio.gate = threading.Event()
        return made

    monkeypatch.setattr(studio, "_made", first_only)
    queue = open_queue()
    job = queue.submit(Kind.QUICK, QUICK, files)
    next(event for event in queue.watch(job.id, timeout=10) if event.stage == "portrait" and event.done == 1)
    queue.close()
    monkeypatch.setattr(studio, "_made", real)
    studio.gate = None
    again = open_queue()
    assert again.get(job.id).state is State.INTERRUPTED
    again.resume(job.id)
    done = ended(again, job)
    assert [made["template"] for made in done.result["portraits"]] == ["my a.png", "my b.png"]
    assert [call[2] for call in studio.calls if call[0] == "portrait"] == [("my a.png", "my b.png"), ("my b.png",)]


def test_an_unusable_photo_fails_the_job_with_its_reason(open_queue, files, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    queue = open_queue()
    bad = JobFile(tmp_path / "bad.png", "bad.png", role=PictureRole.PHOTO)
    failed = ended(queue, queue.submit(Kind.QUICK, QUICK, [bad, *files[1:]]))
    assert (failed.state, failed.error["kind"]) == (State.FAILED, "NoFace")


@pytest.mark.parametrize("data", [{"portrait": 3}, {"portrait": {"seed": "x"}}, {"portrait": {"persons": ["ann"]}}])
def test_requests_are_read_strictly_at_every_depth(data):
    with pytest.raises(BadRequest):
        read_request(QuickRequest, data)


def test_requests_survive_json():
    assert read_request(QuickRequest, json.loads(json.dumps(asdict(QUICK)))) == QUICK
