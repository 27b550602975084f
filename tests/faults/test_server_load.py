"""Floods, crowds and large uploads against the true server: nobody is locked out, no 500, and no memory that stays."""

from __future__ import annotations

import base64
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from counts import tries
from server_world import RunningServer, large_photo, photo, running_server
from training_world import REQUEST, TrainingWorld, make_world

resource = pytest.importorskip("resource", reason="POSIX")
pytest.importorskip("gradio", reason="the server needs the ui extra")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="POSIX")]

OPEN_FILES = 1024
"""What a process may usually have open."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> TrainingWorld:
    return make_world(tmp_path_factory.mktemp("served") / "world", tiny_base)


@pytest.fixture(scope="module")
def started(world: TrainingWorld) -> Iterator[RunningServer]:
    with running_server(world, OPEN_FILES) as server:
        yield server


@pytest.fixture
def server(started: RunningServer) -> RunningServer:
    """One for all tests of this file; what it answered before does not count."""
    started.seen.clear()
    return started


@pytest.fixture
def many_sockets() -> Iterator[None]:
    """Room for the flood in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def half_open(server: RunningServer, open_ones: ExitStack, count: int) -> None:
    """Connections that begin a request and never end it; the server may close them whenever it likes."""
    for _ in range(count):
        one = open_ones.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
        one.sendall(b"GET / HTTP/1.1\r\nhost: ")


def test_half_open_connections_lock_nobody_out_and_damage_no_check(server: RunningServer, many_sockets: None):
    with ExitStack() as open_ones:
        half_open(server, open_ones, tries(400, 1050))
        begun = time.monotonic()
        job = server.ask("POST", "jobs/check", {"photos": [photo()]})
        assert job.status == 202, job
        finished = server.over(job.body["id"], 60)
        assert time.monotonic() - begun < 30
    assert finished["state"] == "done"
    assert set(server.seen) == {200, 202}
    assert len(server.warnings) < 10, server.warnings
    assert not any("damaged" in line or "Traceback" in line for line in server.warnings)


def test_parallel_submits_uploads_and_reads_never_fail_inside(server: RunningServer):
    small = photo()

    def one(number: int) -> None:
        kind = number % 5
        if kind == 0:
            server.ask("POST", "jobs/check", {"photos": [{**small, "name": f"{number}.png"}]})
        elif kind == 1:
            upload = server.ask("POST", "uploads", {"name": f"{number}.png", "data": small["data"]})
            if upload.status == 201:
                server.ask("DELETE", f"uploads/{upload.body['id']}")
        else:
            server.ask("GET", ("jobs", "persons", "templates", "jobs?state=done")[number % 4])

    with ThreadPoolExecutor(50) as crowd:
        list(crowd.map(one, range(tries(300, 950))))
    assert set(server.seen) <= {200, 201, 202, 409}, {code: server.seen.count(code) for code in set(server.seen)}
    assert server.seen.count(202) > 20
    assert not any("Traceback" in line for line in server.warnings), server.warnings


def test_readers_and_large_uploads_during_a_training(server: RunningServer, world: TrainingWorld, unbroken: str):
    names = sorted((world.folder / "photos").iterdir())
    photos = [{"name": file.name, "data": base64.b64encode(file.read_bytes()).decode()} for file in names]
    job = server.ask("POST", "jobs/train", {"request": {**REQUEST, "person": "Ann", "consent": True}, "photos": photos})
    assert job.status == 202, job
    done = threading.Event()

    def read(_: int) -> None:
        while not done.is_set():
            server.ask("GET", f"jobs/{job.body['id']}")
            server.ask("GET", f"jobs/{job.body['id']}/history")
            time.sleep(0.5)

    def upload(number: int) -> None:
        sent = server.ask("POST", "uploads", large_photo(number))
        if sent.status == 201:
            server.ask("DELETE", f"uploads/{sent.body['id']}")

    with ThreadPoolExecutor(60) as crowd:
        for reader in range(tries(10, 50)):
            crowd.submit(read, reader)
        list(crowd.map(upload, range(4)))  # memory that a first use takes does not count
        before = server.memory
        list(crowd.map(upload, range(tries(12, 100))))
        finished = server.over(job.body["id"])
        done.set()
    assert finished["state"] == "done", finished
    assert set(server.seen) <= {200, 201, 202, 429}, {code: server.seen.count(code) for code in set(server.seen)}
    assert server.seen.count(201) >= tries(12, 100)
    assert world.tensors() == unbroken
    assert server.memory - before < 300
