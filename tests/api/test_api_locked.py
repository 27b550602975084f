"""A program that writes our lists for long: reads go on, writes are told so after two seconds."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from api_world import PHOTO, World, world
from fake_studio import make_person


@pytest.fixture(params=["jobs.sqlite", "pictures.sqlite"])
def locked(request: pytest.FixtureRequest, tmp_path: Path):
    """A world in which somebody else writes that list."""
    with world(tmp_path) as w:
        make_person(w.studio.paths, "Ann")
        w.ended(w.post("jobs/check", {"photos": [PHOTO]}).json())
        with closing(sqlite3.connect(w.studio.paths.jobs / request.param, isolation_level=None)) as foreign:
            foreign.execute("BEGIN IMMEDIATE")
            yield w, request.param
            foreign.execute("ROLLBACK")


def test_reads_go_on(locked: tuple[World, str]):
    w, _ = locked
    started = time.monotonic()
    person = w.get("persons/ann").json()
    assert len(w.get("jobs").json()["jobs"]) == 1
    assert w.get(f"pictures/{person['reference']}").status_code == 200
    assert w.get("doctor").status_code == 200
    assert time.monotonic() - started < 15  # the doctor looks at much; nobody waits for a lock


def test_writes_are_refused_soon(locked: tuple[World, str]):
    w, name = locked
    started = time.monotonic()
    answer = w.post("jobs/check", {"photos": [PHOTO]})
    took = time.monotonic() - started
    if name == "pictures.sqlite":
        assert answer.status_code == 202
        return
    assert (answer.status_code, answer.json()["code"]) == (503, "jobs.locked")
    assert 1.5 < took < 8
