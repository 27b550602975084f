"""A WebUI in a process of its own, on the newest gradio or on one that hosts pin, as tests see it from outside."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from host_python import host_python

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("newest", "a1111", "forge")


@dataclass(frozen=True)
class GradioHost:
    """A running one. Its `data` path holds our data folder; what gradio keeps and temporary files lie beside it."""

    gradio: str
    address: str
    data: Path
    early: bool  # whether a file of ours was served before our routes were there

    @property
    def major(self) -> int:
        """Of gradio."""
        return int(self.gradio.split(".")[0])

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, bytes]:
        """Status and body; the path goes out as it is, a body as JSON."""
        place = urlsplit(self.address)
        connection = http.client.HTTPConnection(place.hostname or "", place.port or 80, timeout=60)
        sent = None if body is None else json.dumps(body)
        try:
            connection.request(method, path, sent, headers if body is None else {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def privacy(self) -> dict[str, str]:
        """What the doctor says of the data folder."""
        findings: list[dict[str, str]] = json.loads(self.ask("/easyphoto/v1/doctor")[1])["findings"]
        return next(found for found in findings if found["name"] == "privacy")


@contextmanager
def running(kind: str, data: Path, *options: str) -> Iterator[GradioHost]:
    """Skips the test where there is no such Python."""
    if kind == "newest" and int(version("gradio").split(".")[0]) < 5:
        pytest.skip("this Python has a host's gradio")
    python = sys.executable if kind == "newest" else host_python(kind)
    command = [python, str(Path(__file__).with_name("gradio_host.py")), str(data), *options]
    temporary = data.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(data.parent / "gradio"), "TMPDIR": str(temporary)}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8"}
    with subprocess.Popen(command, cwd=ROOT, env={**environment, "PYTHONUTF8": "1"}, **pipes) as process:
        try:
            line = process.stdout.readline().split()  # type: ignore[union-attr]
            assert len(line) == 3, "the host did not start"
            yield GradioHost(line[0], line[1], data, line[2] == "True")
        finally:
            process.kill()
