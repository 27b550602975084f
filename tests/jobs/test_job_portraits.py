"""Jobs of portraits: one batch in one session, a bad template fails alone, finished ones are kept."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag

import pytest
from fake_studio import make_person
from fakes import FakeEngine, FakeFaces, draw_faces, save
from jobs_world import until

from easyphoto.domain import ModelFamily, PortraitRequest, QuickRequest
from easyphoto.errors import BadRequest, RenderFailed
from easyphoto.jobs import JobFile, JobQueue, Kind, State
from easyphoto.jobs.job import PictureRole
from easyphoto.jobs.portrait_results import PortraitResults
from easyphoto.jobs.task import Task
from easyphoto.paths import Paths
from easyphoto.providers import Toolboxes
from easyphoto.studio import Studio


class CountingEngine(FakeEngine):
    """Notes when a session begins and what is rendered in it; the second template is too much for it."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions = 0

    def session(self):
        self.sessions += 1
        return super().session()

    def render(self, job, report):
        if job.picture.getpixel((0, 0))[2] > 150:
            raise RenderFailed("plain", text="Too blue.", remedy="")
        return super().render(job, report)


def test_a_job_is_one_batch_in_one_session(tmp_path):
    """The person's photos are read once, the engine is opened once, one failing template ends none of the others."""
    paths, engine, faces, read = Paths(tmp_path / "data"), CountingEngine(), FakeFaces(), []
    person = make_person(paths, "Ann")
    person.reference.write_bytes(_template(tmp_path, "ann.png", (190, 110, 90)).file.read_bytes())
    before = faces.detect
    faces.detect = lambda picture: read.append(picture.shape) or before(picture)
    studio = Studio(paths, engine, Toolboxes(paths, "fake", {"fake": lambda paths: faces}))
    queue = JobQueue(paths, studio)
    files = [_template(tmp_path, f"{n}.png", (235, 190, 170), blue=n == 1) for n in range(3)]
    request = PortraitRequest.for_family(ModelFamily.BUILTIN, persons=("ann",), seed=1, first_denoising_strength=0.1)
    done = until(queue, queue.submit(Kind.PORTRAIT, request, files), State.DONE, seconds=30)
    queue.close()
    assert [p["template"] for p in done.result["portraits"]] == ["0.png", "2.png"]
    assert [f["file"] for f in done.result["failures"]] == ["1.png"]
    assert engine.sessions == 1
    assert sum(shape == (301, 301, 3) for shape in read) == 1


def _template(folder: Path, name: str, color: tuple[int, int, int], blue: bool = False) -> JobFile:
    side = 301 if name == "ann.png" else 400
    picture = draw_faces((side, side), [((side // 2, side // 2), side // 2, color)])
    if blue:
        picture[:20] = (0, 0, 255)
    return JobFile(save(picture, folder / name), name)


def test_bad_template_fails_alone(open_queue, studio, photos, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    queue = open_queue()
    make_person(studio.paths, "Ann")
    files = [photos[0], JobFile(tmp_path / "bad.png", "bad.png"), photos[1]]
    done = until(queue, queue.submit(Kind.PORTRAIT, PortraitRequest(persons=("ann",)), files), State.DONE)
    assert [p["template"] for p in done.result["portraits"]] == ["my a.png", "my b.png"]
    assert done.result["portraits"][0]["likeness"][0]["after"] == 0.4
    assert [failure["file"] for failure in done.result["failures"]] == ["bad.png"]
    for portrait in done.result["portraits"]:
        assert (studio.paths.root / portrait["file"]).is_file()
    counts = [(e.done, e.total) for e in queue.events(done.id) if e.stage == "portrait"]
    assert counts[-1] == (3, 3)
    assert counts == sorted(counts)


def test_only_bad_templates_fail_the_job(open_queue, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    queue = open_queue()
    job = queue.submit(Kind.PORTRAIT, PortraitRequest(), [JobFile(tmp_path / "bad.png", "bad.png")])
    failed = until(queue, job, State.FAILED)
    assert failed.error["kind"] == "BadPicture"
    assert len(failed.result["failures"]) == 1
    assert not failed.resumable


def test_cancelled_batch_keeps_finished_portraits(open_queue, studio, photos, monkeypatch):
    real = studio._made

    def first_only(*args: object) -> object:
        made = real(*args)
        studio.gate = Flag()  # the second one waits
        return made

    monkeypatch.setattr(studio, "_made", first_only)
    queue = open_queue()
    job = queue.submit(Kind.PORTRAIT, PortraitRequest(), photos)
    while not (queue.get(job.id).result or {}).get("portraits"):
        time.sleep(0.01)
    queue.cancel(job.id)
    stopped = until(queue, job, State.CANCELLED)
    assert [p["template"] for p in stopped.result["portraits"]] == ["my a.png"]


def test_variations_stopped_half_way_go_on_where_they_were(open_queue, studio, photos):
    queue = open_queue()
    make_person(studio.paths, "Ann")
    request = PortraitRequest(persons=("ann",), seed=3, variations=2)
    done = until(queue, queue.submit(Kind.PORTRAIT, request, photos[:2]), State.DONE)
    assert [p["template"] for p in done.result["portraits"]] == ["my a.png"] * 2 + ["my b.png"] * 2
    files = tuple(replace(one, role=PictureRole.TEMPLATE) for one in photos[:2])
    before = {"portraits": done.result["portraits"][:1], "failures": []}
    left = PortraitResults(Task("x", Kind.PORTRAIT, {}, files, before, lambda _: None), studio.paths.root, request)
    assert [(one.name, one.turn) for one in left.left] == [("my a.png", 1), ("my b.png", 0), ("my b.png", 1)]
    assert left.request == replace(request, variations=1)


def test_a_drawing_needs_no_template_and_others_do(open_queue, studio):
    queue = open_queue()
    make_person(studio.paths, "Ann")
    drawn = queue.submit(Kind.PORTRAIT, PortraitRequest(persons=("ann",), from_text=True), [])
    assert drawn.files == ()
    with pytest.raises(BadRequest, match="no picture"):
        queue.submit(Kind.PORTRAIT, PortraitRequest(persons=("ann",)), [])
    with pytest.raises(BadRequest, match="no picture"):
        queue.submit(Kind.QUICK, QuickRequest(PortraitRequest(from_text=True), consent=True), [])
