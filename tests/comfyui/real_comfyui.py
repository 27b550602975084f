"""A ComfyUI in a process of its own, on the CPU, with this repository cloned into its `custom_nodes`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER, PYTHON = "EASYPHOTO_COMFYUI", "EASYPHOTO_COMFYUI_PYTHON"
"""A checkout of ComfyUI, and the Python that has its packages."""

PATIENCE = 900.0  # seconds for one workflow on a busy machine


@dataclass(frozen=True)
class RealComfyui:
    """A running one. `base` holds its input, output, user and models."""

    address: str
    base: Path

    def get(self, path: str) -> Any:
        """The JSON there."""
        with urllib.request.urlopen(self.address + path, timeout=60) as answer:
            return json.load(answer)

    def status(self, path: str) -> int:
        """Of a GET."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def post(self, path: str, body: Any) -> Any:
        """The JSON that is answered, that of a refusal as well."""
        sent = json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, sent, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                said = answer.read()
        except urllib.error.HTTPError as refused:
            said = refused.read()
        return json.loads(said) if said else None

    def start(self, workflow: dict[str, Any]) -> str:
        """The id of a workflow that was taken."""
        answer = self.post("/prompt", {"prompt": workflow})
        assert "prompt_id" in answer, answer
        return str(answer["prompt_id"])

    def end(self, prompt: str) -> dict[str, Any]:
        """Outputs, and messages by name, once it has ended."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if found := self.get(f"/history/{prompt}"):
                ended = found[prompt]
                return {"outputs": ended["outputs"], **dict(ended["status"]["messages"])}
            time.sleep(0.2)
        raise AssertionError("the workflow has not ended")

    def run(self, workflow: dict[str, Any]) -> dict[str, Any]:
        """As `end`."""
        return self.end(self.start(workflow))


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    """As ComfyUI's API format has it; links are [id, place of the output]."""
    return {"class_type": kind, "inputs": inputs}


@contextmanager
def running(base: Path) -> Iterator[RealComfyui]:
    """Skips the test where the environment names none."""
    folder, python = os.environ.get(FOLDER, ""), os.environ.get(PYTHON, "")
    if not folder or not python:
        pytest.skip(f"{FOLDER} and {PYTHON} name no ComfyUI")
    for name in ("custom_nodes", "input", "page"):
        (base / name).mkdir(parents=True)
    (base / "page" / "index.html").touch()
    subprocess.run(["git", "clone", "-q", str(ROOT), str(base / "custom_nodes" / "easyphoto")], check=True)
    subprocess.run(
        [python, str(Path(__file__).with_name("tiny_checkpoint.py")), folder, str(base / "models")], check=True
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--cpu", "--port", str(port), "--disable-api-nodes", "--base-directory", str(base)]
    command = [python, "main.py", *options, "--front-end-root", str(base / "page")]
    environment = {name: value for name, value in os.environ.items() if name != "EASYPHOTO_HOME"}
    with (base / "log.txt").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            yield _answering(RealComfyui(f"http://127.0.0.1:{port}", base), process)
        finally:
            process.terminate()
            process.wait(60)


def _answering(host: RealComfyui, process: subprocess.Popen[bytes]) -> RealComfyui:
    until = time.monotonic() + 180
    while time.monotonic() < until and process.poll() is None:
        try:
            if host.status("/system_stats") == 200:
                return host
        except OSError:
            time.sleep(0.3)
    raise AssertionError((host.base / "log.txt").read_text()[-3000:])
