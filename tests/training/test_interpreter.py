import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from easyphoto.paths import checkout
from easyphoto.progress import silent
from easyphoto.training.interpreter import Interpreter, own_python

SHOW = "import json, sys; print(json.dumps([__name__, sys.argv[1:], sys.path, WHO]))"


def package(folder: Path, who: str) -> Path:
    """A folder with a package `shown` that says whose it is."""
    (folder / "shown").mkdir(parents=True)
    (folder / "shown" / "__init__.py").write_text("", encoding="utf-8")
    (folder / "shown" / "__main__.py").write_text(f"WHO = {who!r}\n{SHOW}\n", encoding="utf-8")
    return folder


def run(python: Interpreter, folder: Path, **environment: str) -> tuple[str, list[str], list[str], str]:
    """What the package saw, started as the trainer is."""
    done = subprocess.run(
        python.command("shown", "ä config.json", "--stop-with-parent"),
        cwd=folder,
        env={**python.environment(), **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    name, arguments, path, who = json.loads(done.stdout)
    return name, arguments, path, who


def test_it_runs_as_a_main_program_with_its_arguments(tmp_path: Path):
    python = Interpreter(Path(sys.executable), (package(tmp_path / "数据 own", "own"),))
    name, arguments, path, who = run(python, tmp_path)
    assert (name, arguments, who) == ("__main__", ["ä config.json", "--stop-with-parent"], "own")
    assert path[:2] == [str(checkout()), str(tmp_path / "数据 own")]


def test_its_own_packages_win_and_what_is_lent_comes_last(tmp_path: Path):
    own, host_site_packages = (
        package(tmp_path / "own", "own"),
        package(tmp_path / "host_site_packages", "host_site_packages"),
    )
    assert run(Interpreter(Path(sys.executable), (own,), (host_site_packages,)), tmp_path)[3] == "own"
    _, _, path, who = run(Interpreter(Path(sys.executable), host_site_packages=(host_site_packages,)), tmp_path)
    assert who == "host_site_packages"
    assert path[-1] == str(host_site_packages)


def test_nothing_of_the_folder_it_works_in_can_be_imported(tmp_path: Path):
    """The WebUI's folder has packages named `modules`, `scripts` and `models`."""
    own = package(tmp_path / "own", "own")
    package(tmp_path / "webui", "foreign")
    _, _, path, who = run(Interpreter(Path(sys.executable), host_site_packages=(own,)), tmp_path / "webui")
    assert who == "own"
    assert "" not in path
    assert str(tmp_path / "webui") not in path


def test_a_private_one_takes_nothing_from_its_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own = package(tmp_path / "own", "own")
    foreign = package(tmp_path / "foreign", "foreign")
    monkeypatch.setenv("PYTHONPATH", str(foreign))
    monkeypatch.setenv("VIRTUAL_ENV", str(foreign))
    _, _, path, who = run(Interpreter(Path(sys.executable), host_site_packages=(own,), private=True), tmp_path)
    assert who == "own"
    assert str(foreign) not in path
    assert run(Interpreter(Path(sys.executable), host_site_packages=(own,)), tmp_path)[3] == "foreign"


def test_our_own_python_keeps_what_it_was_started_with(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    python = own_python(silent)
    assert python == Interpreter(Path(sys.executable))
    assert python.environment() == dict(os.environ)
