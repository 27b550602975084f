"""The lists of jobs and pictures: damage sets them aside, foreign locks stall no reader."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from fake_studio import FakeStudio
from PIL import Image

from easyphoto.diagnostics import MISSING, damaged_lists
from easyphoto.errors import Locked
from easyphoto.jobs import CheckRequest, Job, JobFile, JobQueue, Kind, State
from easyphoto.jobs.store import JobStore
from easyphoto.paths import Paths
from easyphoto.picture_tokens import Pictures
from easyphoto.sqlite_damage import all_set_aside, dismiss, not_dismissed


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path / "data", tmp_path / "models")
    Pictures(paths)
    with closing(JobQueue(paths, FakeStudio(paths))) as queue:  # type: ignore[arg-type]
        for _ in range(40):
            ended(queue, submitted(queue, tmp_path))
    return paths


def submitted(queue: JobQueue, folder: Path) -> Job:
    Image.new("RGB", (20, 20)).save(folder / "a.png")
    return queue.submit(Kind.CHECK, CheckRequest(), [JobFile(folder / "a.png", "a.png")])


def ended(queue: JobQueue, job: Job) -> Job:
    while not (now := queue.get(job.id)).over:
        time.sleep(0.005)
    return now


def break_pages(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xaa" * (len(data) - 4096)
    file.write_bytes(data)


def forget_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA user_version = 0")


def make_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()
    (file / "something").write_text("in it")


def break_a_row(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE jobs SET request = '{no json' WHERE id = (SELECT max(id) FROM jobs)")


DAMAGES = {
    "pages": break_pages,
    "garbage": lambda file: file.write_bytes(b"no database " * 999),
    "folder": make_a_folder,
}


@pytest.mark.parametrize("damage", [*DAMAGES.values(), forget_version], ids=[*DAMAGES, "version"])
def test_a_damaged_list_of_jobs_is_set_aside(paths: Paths, damage: Callable[[Path], None], tmp_path: Path):
    damage(paths.jobs / "jobs.sqlite")
    with closing(JobQueue(paths, FakeStudio(paths))) as queue:  # type: ignore[arg-type]
        assert list(queue.list()) == []
        assert ended(queue, submitted(queue, tmp_path)).result is not None
    assert len(list(paths.jobs.glob("jobs.sqlite.damaged-2*"))) == 1


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_list_of_pictures_is_set_aside(paths: Paths, damage: Callable[[Path], None], tmp_path: Path):
    damage(paths.jobs / "pictures.sqlite")
    Image.new("RGB", (20, 20)).save(paths.root / "a.png")
    assert Pictures(paths).token(paths.root / "a.png")
    assert len(list(paths.jobs.glob("pictures.sqlite.damaged-2*"))) == 1


def test_one_damaged_row_does_not_hide_the_others(paths: Paths):
    break_a_row(paths.jobs / "jobs.sqlite")
    with closing(JobQueue(paths, FakeStudio(paths))) as queue:  # type: ignore[arg-type]
        assert len(queue.list()) == 39


@pytest.mark.parametrize("change", ["state = X'00'", "kind = 'dance'", "created = 'long ago'", "total = X'ff'"])
def test_a_row_with_values_of_no_kind_does_not_hide_the_others(paths: Paths, change: str):
    with closing(sqlite3.connect(paths.jobs / "jobs.sqlite")) as database, database:
        database.execute(f"UPDATE jobs SET {change} WHERE id = (SELECT max(id) FROM jobs)")
        if "kind" not in change and "created" not in change:
            database.execute(f"UPDATE events SET {change} WHERE job = (SELECT min(job) FROM events) AND number = 2")
    with closing(JobQueue(paths, FakeStudio(paths))) as queue:  # type: ignore[arg-type]
        assert len(queue.list()) == 39
        assert all(queue.events(job.id) for job in queue.list())


def test_damaged_rows_are_set_aside_not_lost(paths: Paths):
    break_a_row(paths.jobs / "jobs.sqlite")
    JobQueue(paths, FakeStudio(paths)).close()  # type: ignore[arg-type]
    (aside,) = all_set_aside(paths.jobs)
    with closing(sqlite3.connect(aside.file)) as database:
        assert database.execute("SELECT request FROM jobs").fetchall() == [("{no json",)]
    assert aside.entries and aside.date in str(aside.told)


ALL_DAMAGES = {**DAMAGES, "version": forget_version, "row": break_a_row}


@pytest.mark.parametrize("damage", ALL_DAMAGES.values(), ids=ALL_DAMAGES)
def test_what_was_damaged_is_told_until_it_is_read(paths: Paths, damage: Callable[[Path], None]):
    damage(paths.jobs / "jobs.sqlite")
    JobQueue(paths, FakeStudio(paths)).close()  # type: ignore[arg-type]
    (told,) = not_dismissed(paths.jobs)
    (finding,) = damaged_lists(paths)
    assert told.file.name in finding.value + finding.remedy and finding.state != MISSING
    dismiss(paths.jobs)
    assert list(not_dismissed(paths.jobs)) == []
    assert len(list(damaged_lists(paths))) == 1


def test_pictures_are_shown_while_another_program_writes_their_list(paths: Paths):
    pictures = Pictures(paths)
    for name in "abc":
        Image.new("RGB", (20, 20)).save(paths.root / f"{name}.png")
    with closing(sqlite3.connect(paths.jobs / "pictures.sqlite", isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        tokens = [pictures.token(paths.root / f"{name}.png") for name in "abc"]
        assert [pictures.open(token or "")[0].stem for token in tokens] == ["a", "b", "c"]
        assert time.monotonic() - started < 1.5
        foreign.execute("ROLLBACK")
    assert [pictures.token(paths.root / f"{name}.png") for name in "abc"] == tokens
    assert [Pictures(paths).token(paths.root / f"{name}.png") for name in "abc"] == tokens


def test_no_job_starts_before_it_was_made(paths: Paths):
    store = JobStore(paths.jobs)
    store.add(Job("a" * 32, Kind.CHECK, State.QUEUED, {}, (), 100.0))
    assert store.claim([Kind.CHECK], 99.9) == "a" * 32
    assert store.get("a" * 32).started == 100.0


def test_readers_wait_for_nobody_and_callers_not_for_long(paths: Paths, tmp_path: Path):
    with closing(JobQueue(paths, FakeStudio(paths))) as queue:  # type: ignore[arg-type]
        with closing(sqlite3.connect(paths.jobs / "jobs.sqlite", isolation_level=None)) as foreign:
            foreign.execute("BEGIN IMMEDIATE")
            started = time.monotonic()
            assert len(queue.list()) == 40
            assert queue.events(queue.list()[0].id)
            assert queue.version()
            read = time.monotonic()
            with pytest.raises(Locked):
                submitted(queue, tmp_path)
            refused = time.monotonic()
            foreign.execute("ROLLBACK")
        assert read - started < 1.0
        assert 1.5 < refused - read < 6.0
        assert ended(queue, submitted(queue, tmp_path)).over
