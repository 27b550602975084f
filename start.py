#!/usr/bin/env python3
"""The start on a fresh machine: makes .venv beside itself, installs what is locked, runs the command.

Standard library only. The second start trusts a stamp in .venv (hash of the lock files, Python version, what was
installed) and adds milliseconds. What is broken or half-made is made anew; two starts at once wait for each other.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import venv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

OLDEST, NEWEST = (3, 10), (3, 13)
COMMANDS = ("demo", "ui", "train", "portrait", "quick", "batch", "persons", "models", "weights", "doctor")
KINDS = {"run": ("base",), "ui": ("base", "ui"), "test": ("base", "ui", "dev")}  # each holds the ones before it
CHECKS: tuple[tuple[str, ...], ...] = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("pytest", "tests/test_architecture.py", "tests/test_imports.py"),
)
HOST_TESTS = ("webui/test_host_contract", "webui/test_recorded_interfaces", "comfyui/test_comfyui_contract")
USAGE = """usage: python start.py COMMAND ...

  demo       photos of one person to four portraits, with a report; needs no input
  ui         the same in a window of the browser
  train      photos to a person:              train --name ID --photos DIR --consent
  portrait   put that face into templates:    portrait --person ID --template FILE...
  quick      portraits from photos alone, without a training
  batch      many persons and their portraits out of a table:    batch PLAN.csv
  persons    list | show | rename | remove | export | import
  models     base models that can be used
  weights    model files: list | fetch | verify | import | path
  doctor     what is installed, what is missing
  test       all checks and all tests; check: format, lint, types and layer order only

COMMAND --help says more; test-host PATH holds the sources of a WebUI or ComfyUI against our use of it.
"""
FAILED, BAD_REQUEST, NOT_INSTALLED, CANCELLED = 1, 2, 4, 130
STDERR = 2  # standard output is the command's alone, --json must stay readable
ATTEMPTS, PAUSE_SECONDS = 3, 5.0
NO_NETWORK = ("NewConnectionError", "Connection broken", "Max retries", "ReadTimeout", "timed out", "name resolution")
NO_SPACE = ("No space left on device", "not enough space", "Errno 28")


def say(text: str) -> None:
    """One line to the user, apart from what the command prints."""
    print(text, file=sys.stderr, flush=True)


class StartError(Exception):
    """The environment cannot be made; the text says why and what to do."""


@dataclass(frozen=True)
class Home:
    """A clone: where start.py lies and what it makes there."""

    root: Path

    @property
    def venv(self) -> Path:
        """The environment."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """Its interpreter, whether it exists or not."""
        return self.venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def packages(self) -> Path:
        """Its site-packages."""
        inside = "Lib" if os.name == "nt" else f"lib/python{sys.version_info.major}.{sys.version_info.minor}"
        return self.venv / inside / "site-packages"

    @property
    def gate(self) -> Path:
        """The file two starts at once queue at; it outlives .venv."""
        return self.root / ".venv.lock"

    def locks(self, kind: str) -> tuple[Path, ...]:
        """The requirement files to install."""
        return tuple(self.root / "requirements" / f"{part}.lock.txt" for part in KINDS[kind])

    def stamp(self, kind: str) -> Path:
        """Written last, so its presence says that the installation was finished."""
        return self.venv / f"stamp-{kind}.json"


def wanted(home: Home, kind: str) -> str:
    """Hash of the Python version and the lock files; another hash means another installation."""
    digest = hashlib.sha256(repr(sys.version_info[:2]).encode())
    for file in home.locks(kind):
        digest.update(file.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def installed(home: Home) -> list[str]:
    """Names in site-packages; a cheap picture of what is there."""
    try:
        return sorted(name for name in os.listdir(home.packages) if name != "__pycache__")  # noqa: PTH208 (10x faster)
    except OSError:
        return []


def read_stamp(home: Home, kind: str) -> tuple[str, list[str]]:
    """(hash, names) of the finished installation, or ("", [])."""
    try:
        found = json.loads(home.stamp(kind).read_text(encoding="utf-8"))
        return str(found["hash"]), [str(name) for name in found["names"]]
    except (OSError, ValueError, KeyError, TypeError):
        return "", []


def write_stamp(home: Home, kind: str) -> None:
    """Say that everything is installed."""
    text = json.dumps({"hash": wanted(home, kind), "names": installed(home)})
    home.stamp(kind).write_text(text, encoding="utf-8")


def whole(home: Home, kind: str) -> bool:
    """The interpreter is there and nothing has vanished since the stamp was written."""
    _, names = read_stamp(home, kind)
    configured = (home.venv / "pyvenv.cfg").is_file()
    return bool(names) and configured and home.python.exists() and set(names) <= set(installed(home))


def ready(home: Home, kind: str) -> bool:
    """Nothing to do: this kind, or one that holds it, is installed."""
    kinds = list(KINDS)[list(KINDS).index(kind) :]
    return any(whole(home, more) and read_stamp(home, more)[0] == wanted(home, more) for more in kinds)


@contextlib.contextmanager
def only_one(home: Home) -> Iterator[None]:
    """Hold the gate; the system frees it when we die, however we die."""
    with home.gate.open("a+b") as gate:
        if not _grab(gate):
            say("Another start is installing; waiting for it.")
            while not _grab(gate):
                time.sleep(0.5)
        yield


def _grab(gate: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            gate.seek(0)
            msvcrt.locking(gate.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(gate.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def prepare(home: Home, kind: str) -> None:
    """Make, complete or repair the environment. Raises StartError."""
    if ready(home, kind):
        return
    with only_one(home):
        if ready(home, kind):  # the start we waited for did it
            return
        started = time.monotonic()
        if not any(whole(home, other) for other in KINDS):
            build(home)
        install(home, home.locks(kind))
        write_stamp(home, kind)
        say(f"Installed in {time.monotonic() - started:.0f} s.")


def build(home: Home) -> None:
    """A new empty .venv, in place of whatever is there."""
    inside = Path(sys.prefix).resolve() == home.venv.resolve()
    if inside and os.name == "nt":
        raise StartError("The environment must be made anew, but this Python runs from it. Run `deactivate` first.")
    if home.venv.is_symlink():
        home.venv.unlink()
    elif home.venv.exists():
        say("The environment in .venv is broken or was left half-made: making it anew.")
        shutil.rmtree(home.venv)
    say(f"First start: making .venv with Python {sys.version.split()[0]} and installing the packages.")
    free = shutil.disk_usage(home.root).free / 1e9
    say(f"This takes some minutes and 1.5 GB of disk (up to 8 GB where torch comes with CUDA); {free:.0f} GB are free.")
    try:
        venv.EnvBuilder(with_pip=True, symlinks=os.name != "nt").create(home.venv)
    except subprocess.CalledProcessError as error:
        raise StartError(
            f"Python could not make an environment ({error}). On Debian and Ubuntu: apt install python3-venv."
        ) from error


def install(home: Home, files: Sequence[Path]) -> None:
    """Run pip with its own progress bars, again where the network failed. Raises StartError."""
    asked = [part for file in files for part in ("-r", str(file))]
    command = [str(home.python), "-m", "pip", "install", "--disable-pip-version-check", "--retries", "5", *asked]
    for attempt in range(1, ATTEMPTS + 1):
        code, tail = run_pip(command, home.root)
        if code == 0:
            return
        if any(mark in tail for mark in NO_SPACE):
            raise StartError("The disk is full. Free some gigabytes and start again.")
        if not any(mark in tail for mark in NO_NETWORK):
            raise StartError(f"pip ended with code {code}; its own message is above.")
        if attempt < ATTEMPTS:
            say(f"The package index could not be reached (attempt {attempt} of {ATTEMPTS}); trying again.")
            time.sleep(PAUSE_SECONDS)
    raise StartError("No network: the packages could not be fetched. Check connection and proxy, then start again.")


def run_pip(command: Sequence[str], folder: Path) -> tuple[int, str]:
    """(exit code, last error lines); pip's bars go to the terminal as they are, its errors are shown and kept."""
    tail: deque[str] = deque(maxlen=60)
    environment = {**os.environ, "PYTHONUTF8": "1", "PIP_NO_INPUT": "1", "PIP_USER": "0"}  # never outside .venv
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=STDERR, stderr=subprocess.PIPE) as pip:
        for raw in pip.stderr or ():
            line = raw.decode("utf-8", "replace")
            tail.append(line)
            sys.stderr.write(line)
    return pip.returncode, "".join(tail)


def surroundings(home: Home) -> dict[str, str]:
    """The command's environment: our clone importable from any folder, nothing of the user's site, UTF-8."""
    path = os.pathsep.join(filter(None, [str(home.root), os.environ.get("PYTHONPATH", "")]))
    extra = {"PYTHONPATH": path, "PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1", "PYTHONSAFEPATH": "1"}
    return {**os.environ, **extra}


def call(home: Home, module: Sequence[str], folder: Path | None = None) -> int:
    """Exit code of `python -m module...` in the environment."""
    command = [str(home.python), "-m", *module]
    with subprocess.Popen(command, env=surroundings(home), cwd=folder) as child:
        while child.poll() is None:
            with contextlib.suppress(KeyboardInterrupt):  # the child got it too and ends in its own way
                child.wait()
    return child.returncode


def check(home: Home) -> int:
    """0 if all are clean."""
    return max(abs(call(home, step, home.root)) for step in CHECKS)


def test(home: Home, arguments: Sequence[str]) -> int:
    """The checks, then pytest with the slow tests; pytest's closing line comes last."""
    checked = check(home)
    return call(home, ("pytest", *arguments), home.root) or checked


def main(arguments: Sequence[str]) -> int:
    """Exit code."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        say(f"EasyPhoto needs Python 3.10 to 3.13; this is {sys.version.split()[0]}. Start it with one of those.")
        return NOT_INSTALLED
    command, *rest = arguments or ("--help",)
    if command not in (*COMMANDS, "test", "check", "test-host"):
        say(USAGE if command in ("-h", "--help") else f"There is no command {command!r}.\n\n{USAGE}")
        return 0 if command in ("-h", "--help") else BAD_REQUEST
    home = Home(Path(__file__).resolve().parent)
    try:
        prepare(home, {"ui": "ui", "test": "test", "check": "test", "test-host": "test"}.get(command, "run"))
    except (StartError, OSError) as error:
        say(f"Not installed. {error}" + ("" if isinstance(error, StartError) else f" Is {home.root} writable?"))
        return NOT_INSTALLED
    if command in ("check", "test"):
        return test(home, rest) if command == "test" else check(home)
    if command == "test-host":
        os.environ["EASYPHOTO_WEBUI_SOURCES"] = os.pathsep.join(str(Path(place).resolve()) for place in rest)
        return call(home, ("pytest", "-q", *(f"tests/{one}.py" for one in HOST_TESTS)), home.root)
    if sys.platform != "win32":  # become it, so that signals go straight to it
        os.execve(home.python, [str(home.python), "-m", "easyphoto", *arguments], surroundings(home))
    return call(home, ("easyphoto", *arguments))


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(CANCELLED)
