"""A browser and a server of our own for the page's end-to-end tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
QUICK, TRAIN, PORTRAIT, PEOPLE = range(4)  # places of the tabs
PATIENCE = 25_000  # milliseconds that a busy machine may take for one step


@dataclass
class Running:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


def wait_until_ready(running: Running) -> None:
    limit = time.monotonic() + 120
    while time.monotonic() < limit:
        if running.process.poll() is not None:
            pytest.fail(f"the server ended with {running.process.returncode}")
        try:
            urllib.request.urlopen(running.url, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    pytest.fail("the server did not become ready")


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts servers on the test's own data folder; all of them are gone afterwards."""
    started: list[Running] = []

    def start(*options: str, python: str = sys.executable, port: int = 0) -> Running:
        port = port or free_port()
        command = [python, str(ROOT / "tests" / "ui" / "play_server.py"), str(tmp_path), str(port), *options]
        own = {"GRADIO_TEMP_DIR": str(tmp_path / "gradio")}  # gradio keeps equal files of all programs in one place
        environment = {**os.environ, **own, "OMP_NUM_THREADS": "2", "PYTHONUTF8": "1"}
        started.append(Running(subprocess.Popen(command, cwd=ROOT, env=environment, text=True), port))
        wait_until_ready(started[-1])
        return started[-1]

    yield start
    for running in started:
        running.kill()


def open_tab(page: Any, number: int) -> None:
    page.locator("#ep-tabs button[role=tab]:visible, #ep-tabs > .tab-nav > button").nth(number).click()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens pages; a script error in any of them fails the test."""
    contexts, errors = [], []

    def open_(url: str, locale: str = "en-US", tab: int = TRAIN, **options: Any) -> Any:
        options = {"viewport": {"width": 1440, "height": 900}, **options}
        contexts.append(browser.new_context(locale=locale, accept_downloads=True, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: errors.append(str(error)))
        if "script" in url:  # an old gradio cannot carry our script; its host loads it
            script = (ROOT / "javascript" / "easyphoto.js").read_text(encoding="utf-8")
            page.add_init_script(f"addEventListener('DOMContentLoaded', () => {{ {script}\n}})")
        page.goto(url)
        page.wait_for_selector("#ep-quick-go")
        if tab != QUICK:
            open_tab(page, tab)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []
