"""Deleting a person: nothing is left of them in the data folder, whoever asks and whatever runs."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_studio import FakeStudio, make_person
from fakes import FakeEngine, draw_faces, fake_toolboxes, save
from PIL import Image

from easyphoto.deletion import delete_person
from easyphoto.domain import PortraitRequest, Template, TrainRequest
from easyphoto.errors import Busy, NotFound, PersonGone
from easyphoto.images import save_picture
from easyphoto.jobs import CheckRequest, Job, JobFile, JobQueue, Kind, State
from easyphoto.library.uploads import UploadStore
from easyphoto.lora.copies import note_copy
from easyphoto.paths import Paths
from easyphoto.picture_tokens import Pictures
from easyphoto.portrait.infotext import infotext
from easyphoto.progress import Cancelled, Progress, silent
from easyphoto.studio import Studio

NAME, ID = "Zaphira", "zaphira"
TRAIN = TrainRequest(person=NAME, consent=True)


@pytest.fixture
def studio(tmp_path: Path) -> FakeStudio:
    return FakeStudio(Paths(tmp_path / "data"))


@pytest.fixture
def queue(studio: FakeStudio) -> Iterator[JobQueue]:
    opened = JobQueue(studio.paths, studio)  # type: ignore[arg-type]
    yield opened
    if studio.gate:
        studio.gate.set()
    opened.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / f"{ID}.png"
    Image.effect_noise((64, 64), 80).convert("RGB").save(file)
    return file


def until(queue: JobQueue, job: Job, *states: State) -> Job:
    end = time.monotonic() + 10
    while (now := queue.get(job.id)).state not in states:
        assert time.monotonic() < end, f"still {now.state}"
        time.sleep(0.01)
    return now


def done(queue: JobQueue, kind: Kind, request: object, *files: Path) -> Job:
    given = [JobFile(file, file.name) for file in files]
    return until(queue, queue.submit(kind, request, given), State.DONE)  # type: ignore[arg-type]


def traces(root: Path, *needles: bytes) -> list[str]:
    """Files below whose path or content holds one of the needles, in any case."""
    found = []
    for file in (f for f in root.rglob("*") if f.is_file()):
        text = file.read_bytes()
        if any(needle in text or needle.lower() in (text + bytes(file)).lower() for needle in needles):
            found.append(file.relative_to(root).as_posix())
    return found


def test_nothing_is_left_anywhere(studio: FakeStudio, queue: JobQueue, photo: Path, tmp_path: Path):
    """While the queue is open: photos, drafts, uploads, archives, previews, portraits, LoRA copies, rows, tokens."""
    paths, tokens, uploads = studio.paths, Pictures(studio.paths), UploadStore(studio.paths.uploads)
    done(queue, Kind.CHECK, CheckRequest(), photo)
    done(queue, Kind.TRAIN, TRAIN, photo)
    person = studio.library.open(ID)
    done(queue, Kind.PORTRAIT, PortraitRequest(persons=(ID,)), photo)
    uploads.add("by the page", photo)
    uploads.add(photo.name, photo.read_bytes())
    uploads.add(f"{NAME}.zip", studio.library.export(ID, tmp_path / "out.zip").read_bytes())
    by_hand = paths.portraits / "template-7.png"
    save_picture(Image.open(photo), by_hand, infotext(PortraitRequest(seed=7), (64, 64), [person]))
    tokens.token(person.reference)
    (person.folder / "person.safetensors").write_bytes(b"weights")
    copy = tmp_path / "host" / ".easyphoto" / f"easyphoto-{'0' * 20}.safetensors"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"weights")
    note_copy(person.folder / "person.safetensors", copy)
    (paths.jobs / "jobs.sqlite.damaged").write_text(NAME)
    needles = (NAME.encode(), photo.read_bytes()[60:200])
    assert len(traces(paths.root, *needles)) > 8

    deleted = delete_person(ID, studio)  # type: ignore[arg-type]

    assert traces(paths.root, *needles) == []
    assert not copy.exists() and not by_hand.exists()
    assert (deleted.portraits, deleted.uploads, deleted.lora_copies, deleted.jobs) == (2, 3, 1, 3)
    assert deleted.left == ()
    assert list(queue.list()) == []


def test_others_stay(studio: FakeStudio, queue: JobQueue, photo: Path, tmp_path: Path):
    make_person(studio.paths, "Bob")
    other = save(draw_faces((80, 80), []), tmp_path / "other.png")
    done(queue, Kind.TRAIN, TRAIN, photo)
    jobs = [done(queue, Kind.PORTRAIT, PortraitRequest(persons=who), other) for who in (("bob",), ("bob", ID))]
    checked = done(queue, Kind.CHECK, CheckRequest(), other)
    brought = UploadStore(studio.paths.uploads).add("other.png", other.read_bytes())
    delete_person(ID, studio)  # type: ignore[arg-type]
    assert [job.id for job in queue.list()] == [checked.id, jobs[0].id]
    kept, gone = (studio.paths.root / job.result["portraits"][0]["file"] for job in jobs)  # type: ignore[index]
    assert kept.is_file() and not gone.exists()
    assert brought.file.is_file()
    assert studio.library.open("bob").reference.is_file()


def test_rows_of_old_databases_are_overwritten_too(studio: FakeStudio, queue: JobQueue, photo: Path):
    """Before, deleted rows stayed in free pages: they must go with the next deletion."""
    make_person(studio.paths, NAME)
    with sqlite3.connect(studio.paths.jobs / "jobs.sqlite") as database:
        database.execute("CREATE TABLE old (text TEXT)")
        database.executemany("INSERT INTO old VALUES (?)", [(NAME * 50,)] * 200)
        database.commit()
        database.execute("DROP TABLE old")
    database.close()
    delete_person(ID, studio)  # type: ignore[arg-type]
    assert traces(studio.paths.root, NAME.encode()) == []


def test_running_jobs_are_cancelled_and_waited_for(studio: FakeStudio, queue: JobQueue, photo: Path):
    make_person(studio.paths, NAME)
    studio.gate = threading.Event()
    files = [JobFile(photo, "a.png")]
    running = queue.submit(Kind.PORTRAIT, PortraitRequest(persons=(ID,)), files)
    waiting = queue.submit(Kind.PORTRAIT, PortraitRequest(persons=(ID,)), files)
    until(queue, running, State.RUNNING)
    assert delete_person(ID, studio).jobs == 2  # type: ignore[arg-type]
    for job in (running, waiting):
        with pytest.raises(NotFound):
            queue.get(job.id)
    assert not list(studio.paths.root.rglob("*.png"))


def test_a_job_that_does_not_stop_keeps_the_person(studio: FakeStudio, queue: JobQueue, photo: Path):
    make_person(studio.paths, NAME)
    stubborn = threading.Event()
    studio.portrait = lambda *_: stubborn.wait(20)  # type: ignore[assignment,method-assign,misc]
    job = queue.submit(Kind.PORTRAIT, PortraitRequest(persons=(ID,)), [JobFile(photo, "a.png")])
    until(queue, job, State.RUNNING)
    with pytest.raises(Busy):
        delete_person(ID, studio, patience=0.2)  # type: ignore[arg-type]
    assert studio.library.open(ID)
    stubborn.set()


def test_a_job_of_a_dead_process_does_not_stop_a_deletion(studio: FakeStudio, photo: Path):
    queue = JobQueue(studio.paths, studio)  # type: ignore[arg-type]
    done(queue, Kind.TRAIN, TRAIN, photo)
    queue.close()
    with sqlite3.connect(studio.paths.jobs / "jobs.sqlite") as database:
        database.execute("UPDATE jobs SET state = 'running'")
    database.close()
    assert delete_person(ID, studio).jobs == 1  # type: ignore[arg-type]


def test_a_portrait_that_is_finished_during_the_deletion_is_not_saved(tmp_path: Path):
    """Made by the command line in another process, of which the list of jobs knows nothing."""
    rendered, deleted = threading.Event(), threading.Event()

    class SlowEngine(FakeEngine):
        def render(self, job, report: Progress):
            rendered.set()
            deleted.wait(10)
            return super().render(job, report)

    paths = Paths(tmp_path / "data")
    studio = Studio(paths, SlowEngine(), fake_toolboxes(paths))
    person = make_person(paths, NAME)
    face = save(draw_faces((300, 300), [((150, 150), 120, (190, 110, 90))]), tmp_path / "face.png")
    person.reference.write_bytes(face.read_bytes())
    caught: list[BaseException] = []

    def make() -> None:
        try:
            studio.portrait(PortraitRequest(persons=(ID,)), [Template(face, "face.png")], silent, tmp_path / "out")
        except (PersonGone, Cancelled) as error:
            caught.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    assert rendered.wait(20)
    delete_person(ID, studio)
    deleted.set()
    thread.join(20)
    assert [type(error) for error in caught] == [PersonGone]
    assert not list((tmp_path / "out").glob("*"))


def test_what_cannot_be_deleted_is_named(studio: FakeStudio, monkeypatch: pytest.MonkeyPatch):
    person = make_person(studio.paths, NAME)
    real = Path.unlink

    def unlink(self: Path, missing_ok: bool = False) -> None:
        if self == person.reference:
            raise PermissionError(13, "in use")
        real(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    assert delete_person(ID, studio).left == (person.reference,)  # type: ignore[arg-type]


def test_a_failed_training_is_deleted_though_there_never_was_a_person(studio: FakeStudio, queue: JobQueue, photo: Path):
    studio.fails = RuntimeError("broken")
    until(queue, queue.submit(Kind.TRAIN, TRAIN, [JobFile(photo, "a.png")]), State.FAILED)
    assert delete_person(ID, studio).jobs == 1  # type: ignore[arg-type]
    assert traces(studio.paths.root, NAME.encode()) == []
    with pytest.raises(NotFound):
        delete_person(ID, studio)  # type: ignore[arg-type]
