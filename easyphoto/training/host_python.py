"""Facts of a WebUI's Python: its version, its torch, and where its packages lie."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from easyphoto.errors import MissingPackage

STAGE = "prepare trainer"
OLDEST = (3, 10)
PATIENCE = 120.0  # seconds; a cold disk and a virus scanner can make a start take long

_QUESTION = """
import importlib.metadata, importlib.util, json, pathlib, sys, sysconfig

torch = importlib.util.find_spec("torch")
sites = [p for p in sys.path if pathlib.Path(p).name in ("site-packages", "dist-packages")]
if torch is not None and torch.origin:
    sites.append(str(pathlib.Path(torch.origin).parent.parent))
print(json.dumps({
    "version": list(sys.version_info[:2]),
    "platform": sysconfig.get_platform(),
    "torch": "" if torch is None else importlib.metadata.version("torch"),
    "host_site_packages": list(dict.fromkeys(sites)),
    "pip": importlib.util.find_spec("pip") is not None,
}))
"""


@dataclass(frozen=True)
class HostPython:
    """A Python with torch and pip."""

    python: Path
    version: str  # "3.10"
    platform: str  # "win-amd64"
    torch: str  # "2.1.2+cu121"
    host_site_packages: tuple[Path, ...]  # folders of its packages


def ask(python: Path, folder: Path) -> HostPython:
    """The host's answers, asked from within `folder`. Raises MissingPackage when it cannot run a trainer."""
    python = _with_console(python)
    said = _answers(python, folder)
    command = f'"{python}" -m ensurepip --upgrade'
    if tuple(said["version"]) < OLDEST:
        raise _unfit(python, "host-python.too-old")
    if not said["torch"]:
        raise _unfit(python, "host-python.no-torch")
    if not said["pip"]:
        raise _unfit(python, "host-python.no-pip", command=command)
    version = ".".join(map(str, said["version"]))
    return HostPython(python, version, said["platform"], said["torch"], tuple(map(Path, said["host_site_packages"])))


def _with_console(python: Path) -> Path:
    """A Python for windows only has no standard output; the other one lies beside it."""
    beside = python.with_name("python.exe")
    return beside if python.name.lower() == "pythonw.exe" and beside.is_file() else python


def _answers(python: Path, folder: Path) -> dict[str, Any]:
    hidden = 0
    if sys.platform == "win32":
        hidden = subprocess.CREATE_NO_WINDOW
    try:
        done = subprocess.run(
            [str(python), "-X", "utf8", "-c", _QUESTION],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
            creationflags=hidden,
            check=True,
        )
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.CalledProcessError as problem:
        last = (problem.stderr or "").strip().splitlines()[-1:]
        raise _unfit(python, "host-python.cannot-run", why=" ".join(last)) from problem
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as problem:
        raise _unfit(python, "host-python.cannot-run", why=problem) from problem
    return said


def _unfit(python: Path, code: str, /, **params: Any) -> MissingPackage:
    return MissingPackage(code, stage=STAGE, file=str(python), **params)
