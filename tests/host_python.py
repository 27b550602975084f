"""Environments with the packages that WebUIs pin, so that what runs inside them is tested with what they bring."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

HOSTS = Path(__file__).parent / "webui" / "hosts"
NAMED = {"a1111": "EASYPHOTO_GRADIO_3", "forge": "EASYPHOTO_GRADIO_4"}  # name a Python that has them already
WANTED = "EASYPHOTO_HOST_TESTS"  # set in CI: environments are made where none is named
NEWEST = (3, 12)  # the hosts' pins have no wheels for later Pythons


def host_python(kind: str) -> str:
    """A Python with the packages of hosts/KIND.txt; made once and kept beside the virtual environment."""
    if named := os.environ.get(NAMED[kind]):
        return named
    if not os.environ.get(WANTED):
        pytest.skip(f"{WANTED} is not set, and {NAMED[kind]} names no Python of {kind}")
    if sys.version_info[:2] > NEWEST:
        pytest.skip(
            f"the packages that {kind} pins do not exist for Python {sys.version_info[0]}.{sys.version_info[1]}"
        )
    wishes = HOSTS / f"{kind}.txt"
    mark = hashlib.sha256(wishes.read_bytes()).hexdigest()[:12]
    folder = Path(sys.prefix) / "hosts" / f"{kind}-{mark}"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    folder.parent.mkdir(exist_ok=True)
    with FileLock(f"{folder}.lock"):  # tests may run in several processes
        if not (folder / "ready").is_file():
            make_environment(folder, python, wishes)
    return str(python)


def make_environment(folder: Path, python: Path, wishes: Path) -> None:
    """A virtual environment with the packages that the file `wishes` lists."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "install", "-q", "--prefer-binary", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", str(wishes)], check=True)
    (folder / "ready").touch()
