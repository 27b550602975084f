"""A client in front of the real application with a studio that works by hand behind it."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fake_studio import FakeStudio
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from easyphoto.api import Access, build_api
from easyphoto.jobs import JobQueue
from easyphoto.paths import Paths

ENDED = {"done", "failed", "cancelled", "interrupted"}


@dataclass
class World:
    """What a test of the API has in its hands."""

    studio: FakeStudio
    queue: JobQueue
    api: FastAPI  # not mounted
    client: TestClient

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(f"/easyphoto/v1/{path}", **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.client.post(f"/easyphoto/v1/{path}", json={} if body is None else body, **more)

    def ended(self, job: dict[str, Any], seconds: float = 10.0) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while (now := self.get(f"jobs/{job['id']}").json())["state"] not in ENDED:
            assert time.monotonic() < end, now
            time.sleep(0.02)
        return now


@contextmanager
def world(root: Path, access: Access | None = None) -> Iterator[World]:
    """Mounted where it belongs, as a door would."""
    (root / "models" / "templates").mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (60, 80), "green").save(root / "models" / "templates" / "meadow.jpg")
    studio = FakeStudio(Paths(root / "data", root / "models"))
    queue = JobQueue(studio.paths, studio)
    app = FastAPI()
    api = build_api(studio, queue, access or Access.local())
    app.mount("/easyphoto", api)
    try:
        yield World(studio, queue, api, TestClient(app, base_url="http://127.0.0.1:7860"))
    finally:
        if studio.gate:
            studio.gate.set()
        queue.close()


def png(color: str = "red", size: tuple[int, int] = (20, 30)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, color).save(stream, "PNG")
    return stream.getvalue()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


PHOTO = {"name": "me.png", "data": b64(png())}
TRAIN = {"request": {"person": "Ann", "consent": True}, "photos": [PHOTO]}
