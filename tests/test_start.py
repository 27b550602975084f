"""The start on a fresh machine: stamps, repair, queueing, no network, odd paths."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest
from lock_files import LOCKS, ROOT


@pytest.fixture(scope="module")
def start() -> ModuleType:
    spec = importlib.util.spec_from_file_location("easyphoto_start", ROOT / "start.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def home(start: ModuleType, tmp_path: Path):
    """A clone with an environment that looks finished."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "base.lock.txt").write_text("a==1\n", encoding="utf-8")
    for part in ("ui", "dev"):
        (tmp_path / "requirements" / f"{part}.lock.txt").write_text(f"b-{part}==2\n", encoding="utf-8")
    home = start.Home(tmp_path)
    for folder in (home.python.parent, home.packages / "a", home.packages / "a-1.dist-info"):
        folder.mkdir(parents=True)
    home.python.write_text("", encoding="utf-8")
    (home.venv / "pyvenv.cfg").write_text("", encoding="utf-8")
    start.write_stamp(home, "run")
    return home


def test_a_finished_environment_is_ready(start, home):
    assert start.ready(home, "run")
    assert not start.ready(home, "test")


def test_what_tests_need_includes_the_rest(start, home):
    home.stamp("run").unlink()
    start.write_stamp(home, "test")
    assert all(start.ready(home, kind) for kind in ("run", "ui", "test"))


def test_the_window_needs_more(start, home):
    assert not start.ready(home, "ui")
    start.write_stamp(home, "ui")
    assert start.ready(home, "run") and start.ready(home, "ui") and not start.ready(home, "test")


def test_a_changed_lock_is_not_ready_but_whole(start, home):
    home.locks("run")[0].write_text("a==2\n", encoding="utf-8")
    assert not start.ready(home, "run")
    assert start.whole(home, "run")


def test_line_endings_do_not_change_the_hash(start, home):
    before = start.wanted(home, "run")
    home.locks("run")[0].write_bytes(b"a==1\r\n")
    assert start.wanted(home, "run") == before


def test_another_python_is_not_ready(start, home, monkeypatch):
    monkeypatch.setattr(start, "sys", _Python((3, 12, 0), sys))
    assert not start.ready(home, "run")


class _Python:
    """`sys` with another version."""

    def __init__(self, version: tuple[int, int, int], real: ModuleType) -> None:
        self.version_info = _Version(version)
        self.version = ".".join(map(str, version))
        self._real = real

    def __getattr__(self, name: str):
        return getattr(self._real, name)


class _Version(tuple):
    @property
    def major(self):
        return self[0]

    @property
    def minor(self):
        return self[1]


@pytest.mark.parametrize("broken", ["package", "python", "config", "stamp", "half a stamp"])
def test_damage_is_seen(start, home, broken):
    if broken == "package":
        (home.packages / "a").rmdir()
    elif broken == "half a stamp":
        home.stamp("run").write_text('{"hash": "', encoding="utf-8")
    else:
        victim = {"python": home.python, "config": home.venv / "pyvenv.cfg", "stamp": home.stamp("run")}[broken]
        victim.unlink()
    assert not start.whole(home, "run")


def test_a_network_failure_is_tried_again_and_then_named(start, home, monkeypatch):
    calls = []
    monkeypatch.setattr(start, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(start, "run_pip", lambda *a: calls.append(a) or (1, "... NewConnectionError ..."))
    with pytest.raises(start.StartError, match="No network"):
        start.install(home, home.locks("run"))
    assert len(calls) == start.ATTEMPTS


def test_the_network_may_come_back(start, home, monkeypatch):
    answers = [(1, "ReadTimeout"), (0, "")]
    monkeypatch.setattr(start, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(start, "run_pip", lambda *a: answers.pop(0))
    start.install(home, home.locks("run"))
    assert answers == []


def test_other_failures_are_not_tried_again(start, home, monkeypatch):
    answers = [(1, "ERROR: No matching distribution"), (0, "")]
    monkeypatch.setattr(start, "run_pip", lambda *a: answers.pop(0))
    with pytest.raises(start.StartError, match="code 1"):
        start.install(home, home.locks("run"))
    assert len(answers) == 1


def test_a_full_disk_is_named(start, home, monkeypatch):
    monkeypatch.setattr(start, "run_pip", lambda *a: (1, "OSError: [Errno 28] No space left on device"))
    with pytest.raises(start.StartError, match="disk is full"):
        start.install(home, home.locks("run"))


def test_pip_errors_are_shown_and_kept(start, tmp_path, capsys):
    code, tail = start.run_pip([sys.executable, "-c", "import sys; sys.exit('no such thing')"], tmp_path)
    assert code == 1 and "no such thing" in tail and "no such thing" in capsys.readouterr().err


def test_a_broken_environment_is_made_anew_and_a_changed_lock_only_installs(start, home, monkeypatch):
    done: list[str] = []
    monkeypatch.setattr(start, "build", lambda home: done.append("build"))
    monkeypatch.setattr(start, "install", lambda home, files: done.append("install"))
    home.locks("run")[0].write_text("a==3\n", encoding="utf-8")
    start.prepare(home, "run")
    assert done == ["install"] and start.ready(home, "run")
    (home.packages / "a").rmdir()
    start.prepare(home, "run")
    assert done == ["install", "build", "install"]


def test_the_second_start_at_once_waits_and_does_nothing(start, home, monkeypatch):
    home.stamp("run").unlink()
    builds: list[float] = []

    def slow_build(home):
        builds.append(time.monotonic())
        time.sleep(0.3)

    monkeypatch.setattr(start, "build", slow_build)
    monkeypatch.setattr(start, "install", lambda home, files: None)
    starts = [threading.Thread(target=start.prepare, args=(home, "run")) for _ in range(3)]
    for thread in starts:
        thread.start()
    for thread in starts:
        thread.join(30)
    assert len(builds) == 1 and start.ready(home, "run")


def test_other_pythons_are_told(start, monkeypatch, capsys):
    monkeypatch.setattr(start, "sys", _Python((3, 9, 1), sys))
    assert start.main(["demo"]) == 4
    assert "3.10 to 3.13" in capsys.readouterr().err


def test_unknown_commands_show_the_known_ones(start, capsys):
    assert start.main(["dance"]) == 2
    said = capsys.readouterr().err
    assert "dance" in said
    assert all(command in said for command in (*start.COMMANDS, "test", "check"))
    assert start.main(["--help"]) == 0


def test_start_knows_the_commands_of_the_console(start):
    import argparse

    from easyphoto.cli.parser import parser

    console = next(a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    assert set(console.choices) == set(start.COMMANDS)


@pytest.mark.slow
def test_a_clone_with_an_odd_path_starts_repairs_itself_and_is_quick(tmp_path):
    """A true environment with nothing to install; the command is a stand-in."""
    clone = tmp_path / "我的 自拍 (1)"
    (clone / "easyphoto").mkdir(parents=True)
    (clone / "requirements").mkdir()
    (clone / "start.py").write_bytes((ROOT / "start.py").read_bytes())
    for name in LOCKS:
        (clone / name).write_text("", encoding="utf-8")
    (clone / "easyphoto" / "__init__.py").touch()
    (clone / "easyphoto" / "__main__.py").write_text(
        "import sys, json; print(json.dumps([sys.prefix, *sys.argv[1:]])); sys.exit(7)", encoding="utf-8"
    )
    first = _run(clone, tmp_path)
    assert first.returncode == 7, first.stderr
    assert "First start" in first.stderr and "照片 一" in _arguments(first)
    begun = time.perf_counter()
    second = _run(clone, tmp_path)
    assert second.returncode == 7 and second.stderr == "" and time.perf_counter() - begun < 3
    python = clone / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    python.unlink()
    third = _run(clone, tmp_path)
    assert third.returncode == 7 and "making it anew" in third.stderr


def _run(clone: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(clone / "start.py"), "demo", "--name", "照片 一"]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=300)


def _arguments(done: subprocess.CompletedProcess[str]) -> list[str]:
    import json

    return json.loads(done.stdout)
