"""The true server in a process of its own, and callers of it."""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil
from PIL import Image
from training_world import ROOT, TrainingWorld

SERVER = Path(__file__).with_name("tiny_server.py")
ENDED = {"done", "failed", "cancelled", "interrupted"}


@dataclass(frozen=True)
class Answer:
    """Status and JSON of a request."""

    status: int
    body: Any


@dataclass
class RunningServer:
    """A server that can be asked."""

    process: subprocess.Popen[str]
    port: int
    log: Path
    seen: list[int] = field(default_factory=list)  # every status it has answered with

    def ask(self, method: str, path: str, body: Any = None, timeout: float = 120.0) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, f"/easyphoto/v1/{path}", content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        self.seen.append(answer.status)
        return Answer(answer.status, json.loads(data) if data[:1] in (b"{", b"[") else data)

    def over(self, job: str, seconds: float = 240.0) -> dict[str, Any]:
        """The job once it has ended."""
        end = time.monotonic() + seconds
        while (now := self.ask("GET", f"jobs/{job}").body)["state"] not in ENDED:
            assert time.monotonic() < end, now
            time.sleep(0.1)
        return dict(now)

    @property
    def memory(self) -> float:
        """Megabytes that the process holds now, its trainer not among them."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1e6

    @property
    def warnings(self) -> list[str]:
        """Lines of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()


@contextmanager
def running_server(world: TrainingWorld, open_files: int = 1024) -> Iterator[RunningServer]:
    """With the world's data folder; it is stopped in the end, and must not have died before."""
    search = os.pathsep.join((str(ROOT), str(ROOT / "tests"), str(SERVER.parent)))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": search}
    arguments = [str(world.data), str(world.folder / "models"), str(world.base), str(open_files)]
    log = world.folder / "server.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, str(SERVER), *arguments], stdout=subprocess.PIPE, stderr=sink, text=True, env=environment
        )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, log.read_text(encoding="utf-8", errors="replace")
        yield RunningServer(process, urlsplit(address).port or 0, log)
        assert process.poll() is None, "the server has ended"
    finally:
        process.terminate()
        process.communicate(timeout=30)


def photo(name: str = "me.png", size: tuple[int, int] = (40, 30)) -> dict[str, str]:
    """A picture as a request has it."""
    stream = io.BytesIO()
    Image.new("RGB", size, "red").save(stream, "PNG")
    return {"name": name, "data": base64.b64encode(stream.getvalue()).decode()}


def large_photo(number: int) -> dict[str, str]:
    """A JPEG of 12 megapixels and 4 to 6 MB, as telephones make them; each number another file."""
    return {"name": f"{number}.jpg", "data": base64.b64encode(_large(number % 4) + str(number).encode()).decode()}


@lru_cache
def _large(seed: int) -> bytes:
    small = np.random.default_rng(seed).integers(0, 256, (1500, 2000, 3), dtype=np.uint8)
    picture = Image.fromarray(small).resize((4000, 3000), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=70)
    return stream.getvalue()
