"""The queue: order, events, cancel, resume, restart, two processes, nothing private left behind."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from threading import Event as Flag

import pytest
from fake_studio import FakeStudio, make_person
from fakes import FakeEngine, FakeFaces, draw_faces, save
from PIL import Image

from easyphoto.domain import ModelFamily, PortraitRequest, TrainRequest
from easyphoto.errors import BadPicture, BadRequest, Busy, NotFound, RenderFailed, TrainingFailed
from easyphoto.jobs import CheckRequest, Job, JobFile, JobQueue, Kind, State
from easyphoto.jobs.reporter import MOST_WAITING, Reporter
from easyphoto.jobs.requests import read_request
from easyphoto.paths import Paths
from easyphoto.progress import Cancelled, Step
from easyphoto.studio import Studio

TRAIN = TrainRequest(person="Ann", consent=True)


@pytest.fixture
def studio(tmp_path: Path) -> FakeStudio:
    return FakeStudio(Paths(tmp_path / "data"))


@pytest.fixture
def open_queue(studio: FakeStudio) -> Iterator[Callable[[], JobQueue]]:
    queues: list[JobQueue] = []

    def opened() -> JobQueue:
        queues.append(JobQueue(studio.paths, studio))
        return queues[-1]

    yield opened
    if studio.gate:
        studio.gate.set()
    for queue in queues:
        queue.close()


@pytest.fixture
def photos(tmp_path: Path) -> list[JobFile]:
    files = []
    for name, color in (("a.png", "red"), ("b.png", "blue")):
        Image.new("RGB", (20, 30), color).save(tmp_path / name)
        files.append(JobFile(tmp_path / name, f"my {name}"))
    return files


def until(queue: JobQueue, job: Job, *states: State, seconds: float = 10.0) -> Job:
    end = time.monotonic() + seconds
    while (now := queue.get(job.id)).state not in states:
        assert time.monotonic() < end, f"still {now.state}"
        time.sleep(0.01)
    return now


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
    def check(given: list, report: Callable[[Step], None]) -> tuple[()]:
        report(Step("check photos", 0, 1, given[0].name))
        raise BadPicture("plain", text="It is odd.", file=given[0].name, remedy="")

    monkeypatch.setattr(studio, "check_photos", check)
    queue = open_queue()
    job = queue.submit(Kind.CHECK, CheckRequest(), [JobFile(photos[0].file, "a\udcff.png")])
    failed = until(queue, job, State.FAILED)
    assert failed.files == ("a\udcff.png",)
    assert failed.note == "a?.png"


def test_log_lines_of_the_job_are_events(open_queue, studio, photos, monkeypatch):
    def warn(photos: object, report: object) -> tuple[()]:
        logging.getLogger("easyphoto.faces").warning("one eye is shut")
        return ()

    monkeypatch.setattr(studio, "check_photos", warn)
    queue = open_queue()
    logging.getLogger("easyphoto.faces").warning("not of the job")
    job = until(queue, queue.submit(Kind.CHECK, CheckRequest(), photos), State.DONE)
    assert [e.line for e in queue.events(job.id) if e.line] == ["warning: one eye is shut"]


# ---------------------------------------------------------------- portraits


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
    studio = Studio(paths, engine, faces)
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


# ---------------------------------------------------------------- restart


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
    here = Path(__file__).parent
    command = [sys.executable, "-c", KILLED, str(studio.paths.root), str(photos[0].file), end]
    places = [str(here), str(here.parent), os.environ.get("PYTHONPATH", "")]
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


# ---------------------------------------------------------------- refusals, removal


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


def test_line_has_an_end(open_queue, studio, photos, monkeypatch):
    monkeypatch.setattr("easyphoto.jobs.queue.MOST_WAITING", 1)
    studio.gate = Flag()
    queue = open_queue()
    until(queue, queue.submit(Kind.TRAIN, TRAIN, photos), State.RUNNING)
    queue.submit(Kind.TRAIN, TRAIN, photos)
    with pytest.raises(Busy):
        queue.submit(Kind.TRAIN, TRAIN, photos)


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


def test_delete_a_running_one_asks_it_to_stop_first(open_queue, studio, photos):
    studio.gate = Flag()
    queue = open_queue()
    job = queue.submit(Kind.TRAIN, TRAIN, photos)
    until(queue, job, State.RUNNING)
    with pytest.raises(Busy):
        queue.delete(job.id)
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


# ---------------------------------------------------------------- reporter, requests


def test_reporter_joins_quick_steps_and_loses_no_last_word():
    reporter = Reporter()
    for n in range(1000):
        reporter(Step("train", n, 1000, figures={"distance": 0.5} if n == 10 else {"loss": n / 1000}))
    reporter(Step("choose", 0, 1))
    first, second = reporter.take()
    assert isinstance(first, Step)
    assert (first.done, first.figures) == (999, {"loss": 0.999, "distance": 0.5})
    assert isinstance(second, Step)
    assert second.stage == "choose"


def test_reporter_passes_no_repetition_on():
    reporter = Reporter()
    for number in range(3):
        reporter(Step("wait", 1, 2))
        assert len(reporter.take()) == (1 if number == 0 else 0)
    reporter(Step("wait", 2, 2))
    assert reporter.take() == [Step("wait", 2, 2)]


def test_reporter_holds_a_bounded_number_of_pictures():
    reporter = Reporter()
    picture = Image.new("RGB", (4, 4))
    for n in range(500):
        reporter(Step("train", n, 500, preview=picture))
        reporter.say("line")
    taken = reporter.take()
    assert len(taken) <= MOST_WAITING + 1
    reporter.stop = State.CANCELLED
    with pytest.raises(Cancelled):
        reporter(Step("train", 0, 1))


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
