"""Bodies of all callers together, and connections that ask for nothing."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from starlette.requests import ClientDisconnect

from easyphoto.api import body_budget
from easyphoto.api.body_budget import BodyBudget
from easyphoto.errors import TooMany


def receiving(*parts: bytes):
    waiting = list(parts)

    async def receive():
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    return receive


async def read(receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message["body"])
        more = message["more_body"]
    return b"".join(parts)


def test_a_body_comes_back_whole(tmp_path: Path):
    async def run() -> None:
        budget = BodyBudget(tmp_path, 10**7, 10**7)
        for parts in ([b""], [b"a", b"b"], [bytes(2**20)] * 3):
            async with budget.held(receiving(*parts)) as body:
                assert await read(body) == b"".join(parts)

    asyncio.run(run())


def test_large_bodies_take_turns_and_small_ones_do_not_wait(tmp_path: Path):
    async def run() -> None:
        budget = BodyBudget(tmp_path, 3_000_000, 10**9)
        at_once = most = 0

        async def large() -> None:
            nonlocal at_once, most
            async with budget.held(receiving(bytes(1_400_000))):
                at_once += 1
                most = max(most, at_once)
                async with budget.held(receiving(b"small")):
                    await asyncio.sleep(0.1)
                at_once -= 1

        await asyncio.gather(*(large() for _ in range(6)))
        assert most == 2

    asyncio.run(run())


def test_too_much_on_disk_or_too_long_a_wait_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(body_budget, "PATIENCE", 0.1)

    async def run() -> None:
        with pytest.raises(TooMany):
            async with BodyBudget(tmp_path, 10, 100).held(receiving(bytes(101))):
                pass
        budget = BodyBudget(tmp_path, 2_000_000, 10**8)
        async with budget.held(receiving(bytes(1_500_000))):
            with pytest.raises(TooMany):
                async with budget.held(receiving(bytes(1_500_000))):
                    pass
        async with budget.held(receiving(bytes(1_500_000))) as body:
            assert len(await read(body)) == 1_500_000

    asyncio.run(run())
    assert list(tmp_path.iterdir()) == []


def test_half_a_body_is_none(tmp_path: Path):
    messages = [{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}]

    async def receive():
        return messages.pop(0)

    async def run() -> None:
        with pytest.raises(ClientDisconnect):
            async with BodyBudget(tmp_path, 10, 100).held(receive):
                pass

    asyncio.run(run())


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    uvicorn = pytest.importorskip("uvicorn")
    from easyphoto.api import connections

    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.5)
    monkeypatch.setattr(connections, "MOST_OF_ONE", 20)

    async def app(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    config = uvicorn.Config(app, http=connections.LimitedProtocol, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as place:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [place]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield place.getsockname()[1]
        server.should_exit = True
        thread.join(10)


def ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
        one.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        return one.recv(100)


def test_silent_connections_are_closed_and_lock_nobody_out_for_long(port: int):
    assert ask(port).startswith(b"HTTP/1.1 200")
    silent = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(60)]
    silent[0].sendall(b"GET / HTTP/1.1\r\nhost: ")  # never ends
    for one in silent:
        with one, suppress(ConnectionResetError):
            assert one.recv(100) == b""
    assert ask(port).startswith(b"HTTP/1.1 200")


def test_a_flood_of_silent_connections_does_not_keep_a_caller_out(port: int):
    silent = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(60)]
    begun = time.monotonic()
    assert ask(port).startswith(b"HTTP/1.1 200")
    assert time.monotonic() - begun < 0.5  # none of them has been silent for its whole time yet
    for one in silent:
        one.close()
