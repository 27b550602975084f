"""Questions to the WebUI this process runs, asked of its application itself and not over the network."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

FILE_ROUTES = ("/file=", "/file/", "/gradio_api/file=")
COOKIES = ("access-token", "access-token-unsecure")  # in front of "-" and the application's id since gradio 4


@dataclass
class RunningHost:
    """The application of the host; a new one after every "Reload UI"."""

    app: Any = None

    @property
    def started(self) -> bool:
        """Whether there is one to be asked."""
        return self.app is not None

    def serves(self, file: Path) -> bool:
        """Whether a visitor who has logged in gets that file out of gradio, under its name or a detour of it."""
        if not self.started:
            return False
        names = (str(file), f"{file.parent}/../{file.parent.name}/{file.name}", str(file).swapcase())
        with visitor(self.app) as cookie, ThreadPoolExecutor(1) as thread:  # this thread may have a loop already
            answers = [
                thread.submit(asyncio.run, status(self.app, route + name, cookie)).result()
                for route in FILE_ROUTES
                for name in names
            ]
        return any(answer < 400 for answer in answers)


@contextmanager
def visitor(app: Any) -> Iterator[str]:
    """A cookie that gradio takes for a login, as long as the block lasts; empty where nobody has to log in."""
    tokens = getattr(app, "tokens", None)
    if tokens is None or getattr(app, "auth", None) is None:
        yield ""
        return
    token = secrets.token_urlsafe(24)
    names = [*COOKIES, *(f"{name}-{app.cookie_id}" for name in COOKIES if hasattr(app, "cookie_id"))]
    tokens[token] = "easyphoto"
    try:
        yield "; ".join(f"{name}={token}" for name in names)
    finally:
        del tokens[token]


async def status(app: Any, path: str, cookie: str) -> int:
    """The HTTP status of a GET of that path; 500 for none."""
    statuses: list[int] = []
    incoming = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        return next(incoming, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope(path, cookie), receive, send)
    return statuses[0] if statuses else 500


def scope(path: str, cookie: str) -> dict[str, Any]:
    """Of a GET from this machine."""
    headers = [(b"host", b"127.0.0.1"), (b"cookie", cookie.encode())]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
