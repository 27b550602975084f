import contextlib
import json
import shutil
import sys
import zipfile
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

from easyphoto.errors import MissingPackage, TrainingFailed
from easyphoto.progress import Cancelled, Step, silent
from easyphoto.training import environment as module
from easyphoto.training.environment import STAMP, PrivateEnvironment, fingerprint
from easyphoto.training.host_python import HostPython, ask
from easyphoto.training.packages import PINS, WHEELS, Pin

ROOT = Path(__file__).resolve().parents[2]
TWO = (Pin("first-one", "1.0"), Pin("second", "2.0"))

PIP = """
import json, os, pathlib, sys, time
record = pathlib.Path(os.environ["RECORD"])
calls = json.loads(record.read_text()) if record.is_file() else []
pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
record.write_text(json.dumps([*calls, {"arguments": sys.argv[1:], "settings": pip, "pid": os.getpid()}]))
name, _, version = sys.argv[-1].partition("==")
target = pathlib.Path(sys.argv[sys.argv.index("--target") + 1])
def install():
    (target / f"{name.replace('-', '_')}-{version}.dist-info").mkdir()
    print("Successfully installed", name, flush=True)
"""


class Pip:
    """A pip of ours in the place of the true one, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.record = folder / "asked.json"
        self.package = folder / "pip"

    def does(self, code: str) -> None:
        self.package.mkdir(parents=True, exist_ok=True)
        (self.package / "__init__.py").touch()
        (self.package / "__main__.py").write_text(f"{PIP}\n{code}\n", encoding="utf-8")

    @property
    def calls(self) -> list[dict]:
        return json.loads(self.record.read_text(encoding="utf-8")) if self.record.is_file() else []


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pip:
    fake = Pip(tmp_path / "fake")
    fake.does("install()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "fake"))
    monkeypatch.setenv("RECORD", str(fake.record))
    monkeypatch.setattr(module, "try_out", lambda *told: None)
    return fake


@pytest.fixture
def environment(tmp_path: Path) -> PrivateEnvironment:
    return PrivateEnvironment(tmp_path / "数据 home" / "trainer", Path(sys.executable), TWO)


def test_it_is_made_once_and_then_is_there(environment: PrivateEnvironment, pip: Pip):
    steps: list[Step] = []
    made = environment(steps.append)
    assert [call["arguments"][-1] for call in pip.calls] == ["first-one==1.0", "second==2.0"]
    assert environment(silent) == made
    assert len(pip.calls) == 2
    assert {step.stage for step in steps} == {"prepare trainer"}
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert (steps[-1].done, steps[-1].total) == (3, 3)
    assert "second 2.0" in " ".join(str(step.note) for step in steps)


def test_the_interpreter_is_the_hosts_with_our_packages_first(environment: PrivateEnvironment, pip: Pip):
    made = environment(silent)
    assert (made.python, made.private) == (Path(sys.executable), True)
    assert [folder.parent for folder in made.packages] == [environment.folder]
    import numpy as np

    assert Path(np.__file__).parent.parent in made.host_site_packages


def test_pip_may_only_fill_our_folder(environment: PrivateEnvironment, pip: Pip):
    """Wheels only, no dependency, a target of ours: there is nothing of the host's it could change."""
    made = environment(silent)
    for call in pip.calls:
        assert {"--no-deps", "--only-binary=:all:"} <= set(call["arguments"])
        assert call["arguments"][call["arguments"].index("--target") + 1] == str(made.packages[0])


def test_the_users_pip_settings_do_not_reach_into_it(
    environment: PrivateEnvironment, pip: Pip, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PIP_TARGET", "elsewhere")
    monkeypatch.setenv("PIP_CONSTRAINT", "versions.txt")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_PROXY", "http://localhost:1")
    environment(silent)
    settings = pip.calls[0]["settings"]
    assert settings["PIP_USER"] == "0"
    assert settings["PIP_PROXY"] == "http://localhost:1"  # but how they reach the index stays theirs
    assert not {"PIP_TARGET", "PIP_CONSTRAINT"} & settings.keys()


def test_one_that_was_not_finished_is_never_used(environment: PrivateEnvironment, pip: Pip):
    (folder,) = environment(silent).packages
    (folder / STAMP).unlink()
    (folder / "left over").write_text("half", encoding="utf-8")
    assert environment(silent).packages == (folder,)
    assert not (folder / "left over").exists()
    assert len(pip.calls) == 4


def test_one_that_lost_a_package_is_made_anew(environment: PrivateEnvironment, pip: Pip):
    (folder,) = environment(silent).packages
    shutil.rmtree(folder / TWO[1].mark)
    environment(silent)
    assert (folder / TWO[1].mark).is_dir()


def test_other_packages_replace_the_old_ones(environment: PrivateEnvironment, pip: Pip):
    (old,) = environment(silent).packages
    (new,) = PrivateEnvironment(environment.folder, environment.host_python, TWO[:1])(silent).packages
    assert new != old
    assert not old.exists()


@pytest.mark.parametrize("change", ["version", "torch", "platform", "python"])
def test_another_host_gets_other_packages(change: str):
    facts = {
        "python": Path("p"),
        "version": "3.10",
        "platform": "win-amd64",
        "torch": "2.1.2",
        "host_site_packages": (),
    }
    assert fingerprint(HostPython(**facts), TWO) == fingerprint(HostPython(**facts), TWO)
    assert fingerprint(HostPython(**facts), TWO) != fingerprint(HostPython(**{**facts, change: "other"}), TWO)


def test_a_cancel_ends_pip_and_leaves_nothing_to_be_used(environment: PrivateEnvironment, pip: Pip):
    pip.does("install(); time.sleep(60)")

    def cancel(step: Step) -> None:
        if pip.calls:
            raise Cancelled

    with pytest.raises(Cancelled):
        environment(cancel)
    with contextlib.suppress(psutil.NoSuchProcess):
        assert psutil.Process(pip.calls[0]["pid"]).status() == psutil.STATUS_ZOMBIE
    pip.does("install()")
    environment(silent)  # the lock is free again, and the next try begins anew
    assert len(pip.calls) == 3


def test_without_a_connection_it_says_what_to_run(environment: PrivateEnvironment, pip: Pip):
    pip.does("sys.exit('WARNING: Retrying after NewConnectionError: Temporary failure in name resolution')")
    with pytest.raises(MissingPackage) as caught:
        environment(silent)
    assert "first-one==1.0" in caught.value.problem
    assert "no connection" in caught.value.problem
    assert f'"{sys.executable}" -m pip download' in caught.value.remedy
    assert str(environment.folder / WHEELS) in caught.value.remedy


def test_wheels_that_the_user_brought_are_taken(environment: PrivateEnvironment, pip: Pip):
    wheels = environment.folder / WHEELS
    wheels.mkdir(parents=True)
    (wheels / "first_one-1.0-py3-none-any.whl").touch()
    environment(silent)
    first, second = (call["arguments"] for call in pip.calls)
    assert first[first.index("--find-links") + 1] == str(wheels)
    assert "--no-index" in first
    assert "--no-index" not in second


def test_a_pip_that_installs_nothing_is_no_success(environment: PrivateEnvironment, pip: Pip):
    pip.does("pass")
    with pytest.raises(MissingPackage, match="exit code 0"):
        environment(silent)


def test_a_full_disk_is_named(environment: PrivateEnvironment, pip: Pip):
    pip.does("sys.exit('OSError: [Errno 28] No space left on device')")
    with pytest.raises(TrainingFailed, match="disk is full"):
        environment(silent)


def test_too_little_room_is_told_before_anything_is_fetched(
    environment: PrivateEnvironment, pip: Pip, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "ROOM", 2**60)
    with pytest.raises(TrainingFailed, match="MB are free"):
        environment(silent)
    assert pip.calls == []


def test_the_second_maker_waits_for_the_first_and_can_be_cancelled(environment: PrivateEnvironment, pip: Pip):
    environment.folder.mkdir(parents=True)
    first = FileLock(environment.folder / "lock")
    first.acquire()

    def cancel(step: Step) -> None:
        assert "waiting" in str(step.note)
        raise Cancelled

    with pytest.raises(Cancelled):
        environment(cancel)
    assert pip.calls == []
    first.release()
    environment(silent)
    assert len(pip.calls) == 2


def test_a_python_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(MissingPackage, match="cannot be run") as caught:
        ask(tmp_path / "no python", tmp_path)
    assert caught.value.file == str(tmp_path / "no python")


def test_a_python_without_torch_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'torch' else find(name, *more)\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(MissingPackage, match="has no torch"):
        ask(Path(sys.executable), tmp_path)


def test_every_package_is_written_down():
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert [str(pin) for pin in PINS if f"| {pin.name} {pin.version} |" not in text] == []


def wheel(folder: Path, pin: Pin) -> None:
    """A wheel of one module, made by hand."""
    info = f"{pin.stem}.dist-info"
    files = {
        f"{pin.name}.py": f"__version__ = {pin.version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {pin.name}\nVersion: {pin.version}\nRequires-Dist: toy\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / f"{pin.stem}-py3-none-any.whl", "w") as packed:
        for name, text in files.items():
            packed.writestr(name, text)


@pytest.mark.slow
def test_the_true_pip_and_the_true_check(tmp_path: Path):
    """With a package of our own making; a version that something hides is found by the check."""
    pin = Pin("easyphoto_probe", "1.0")
    environment = PrivateEnvironment(tmp_path / "trainer", Path(sys.executable), (pin,))
    wheel(environment.folder / WHEELS, pin)
    (made,) = environment(silent).packages
    assert (made / "easyphoto_probe.py").is_file()
    log = (environment.folder / "prepare.log").read_text(encoding="utf-8")
    assert f"easyphoto_probe 1.0 from {made}" in log
    (made / STAMP).unlink()
    (made.parent / WHEELS / f"{pin.stem}-py3-none-any.whl").unlink()
    hidden = tmp_path / "hidden"
    wheel(hidden, pin)
    with zipfile.ZipFile(hidden / f"{pin.stem}-py3-none-any.whl", "a") as packed:
        packed.writestr("diffusers.py", "raise ImportError('a broken package')\n")
    shutil.move(hidden / f"{pin.stem}-py3-none-any.whl", environment.folder / WHEELS)
    with pytest.raises(TrainingFailed, match="do not work") as caught:
        environment(silent)
    assert "a broken package" in " ".join(caught.value.last_lines)
    assert not (made / STAMP).exists()
