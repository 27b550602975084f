"""install.py inside a WebUI: what it adds, what it never touches, and what it says."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tools import host_packages as script

ROOT = Path(__file__).resolve().parent.parent
PROBE = script.Need("easyphoto_no_such_module", ("easyphoto-probe",), (1, 0), "2")
OTHER = script.Need("easyphoto_other_module", ("easyphoto-other",), (3,))


class FakePip:
    """Answers as told and remembers what it was asked."""

    def __init__(self, code: int = 0, said: str = "") -> None:
        self.asked: list[list[str]] = []
        self.constraints = ""
        self.answer = code, said

    def __call__(self, arguments: Sequence[str]) -> tuple[int, str]:
        self.asked.append(list(arguments))
        self.constraints = Path(arguments[arguments.index("--constraint") + 1]).read_text(encoding="utf-8")
        return self.answer


@pytest.fixture
def webui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a WebUI, and we are in it."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "launch.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COMMANDLINE_ARGS", raising=False)
    return tmp_path


def test_when_all_is_there_it_is_silent(webui: Path, capsys: pytest.CaptureFixture[str]):
    pip = FakePip()
    assert script.main([], pip)
    assert pip.asked == []
    assert capsys.readouterr().out == ""


def test_what_is_missing_is_added_as_a_wheel_without_moving_anything(webui: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(script, "NEEDS", (*script.NEEDS, PROBE))
    pip = FakePip()
    script.main([], pip)
    (asked,) = pip.asked
    assert asked[-1] == "easyphoto-probe>=1.0,<2"
    assert {"--only-binary=:all:", "--prefer-binary", "--no-deps"} <= set(asked)
    assert f"numpy=={importlib.metadata.version('numpy')}" in pip.constraints.splitlines()


def test_one_failure_does_not_stop_the_next(
    webui: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(script, "NEEDS", (PROBE, OTHER))
    pip = FakePip(1, "Retrying ...\nERROR: No matching distribution found")
    assert not script.main([], pip)
    assert [asked[-1] for asked in pip.asked] == ["easyphoto-probe>=1.0,<2", "easyphoto-other>=3"]
    first, second = capsys.readouterr().out.splitlines()
    assert "No matching distribution" in first
    assert f'"{sys.executable}" -m pip install' in first
    assert first.endswith('"easyphoto-probe>=1.0,<2"')  # in quotes: a shell reads > as a file to write
    assert "easyphoto-other" in second


def test_without_a_connection_that_is_what_it_says(
    webui: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(script, "NEEDS", (PROBE,))
    script.main([], FakePip(1, "NewConnectionError ...\nERROR: No matching distribution found"))
    assert "no connection" in capsys.readouterr().out


def test_a_pip_that_says_yes_and_adds_nothing_is_no_success(
    webui: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(script, "NEEDS", (PROBE,))
    script.main([], FakePip(0, ""))
    assert "could not be installed" in capsys.readouterr().out


def test_an_old_package_of_the_host_stays(
    webui: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(script, "NEEDS", (script.Need("numpy", ("numpy",), (99, 1)),))
    pip = FakePip()
    assert not script.main([], pip)
    assert pip.asked == []
    assert "numpy>=99.1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("version", "floor", "old"), [("1.26.4", (1, 26), False), ("1.9", (1, 26), True), ("2.1.2+cu121", (2, 1), False)]
)
def test_versions_are_compared_as_numbers(
    monkeypatch: pytest.MonkeyPatch, version: str, floor: tuple[int, ...], old: bool
):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: version)
    assert bool(script.too_old(script.Need("x", ("x",), floor))) is old


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(["--skip-install"], ""), ([], "--api --skip-install"), ([], "--ckpt-dir 'un balanced --skip-install")],
)
def test_skip_install_is_obeyed(webui: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], environment: str):
    monkeypatch.setattr(script, "NEEDS", (PROBE,))
    monkeypatch.setenv("COMMANDLINE_ARGS", environment)
    pip = FakePip()
    assert not script.main(arguments, pip)
    assert pip.asked == []


def test_outside_a_webui_it_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(script, "NEEDS", (PROBE,))
    pip = FakePip()
    assert not script.main([], pip)
    assert pip.asked == []
    assert "start.py" in capsys.readouterr().out


def test_an_extension_knows_its_place_without_the_folder_it_runs_in(tmp_path: Path):
    for among in ("extensions", "custom_nodes"):
        assert script.inside_webui(tmp_path, tmp_path / among / "easyphoto" / "install.py")
    assert not script.inside_webui(tmp_path, tmp_path / "easyphoto" / "install.py")


def test_the_needs_are_those_of_the_project():
    """Floors are the project's own; what only a training or a terminal needs is not for the WebUI."""
    listed = (ROOT / "requirements/base.txt").read_text(encoding="utf-8").lower()
    for need in script.NEEDS:
        if need.module == "lazy_loader":
            continue  # comes with scikit-image wherever dependencies are installed
        assert f"{need.names[0].lower()}>=" in listed
    wanted = {need.names[0] for need in script.NEEDS}
    assert not wanted & {"torch", "diffusers", "transformers", "peft", "accelerate", "gradio", "fastapi"}


def fastest(*command: str, cwd: Path) -> float:
    """Seconds of a processor in the quickest of five runs, whatever else the machine does."""
    spent = []
    for _ in range(5):
        begun = of_children()
        subprocess.run([sys.executable, *command], cwd=cwd, check=True, capture_output=True, timeout=60)
        spent.append(of_children() - begun)
    return min(spent)


def of_children() -> float:
    """Seconds of a processor that ended programs of ours have taken; Windows does not count them."""
    now = os.times()
    return now.children_user + now.children_system


@pytest.mark.slow
def test_a_start_of_the_webui_hardly_takes_longer(webui: Path):
    assert fastest(str(ROOT / "install.py"), cwd=webui) - fastest("-c", "pass", cwd=webui) < 0.5


def test_it_looks_again_only_when_something_has_changed(webui: Path):
    place = webui / "extensions" / "easyphoto"
    (place / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "install.py", place)
    looked = place / "looked"
    (place / "tools" / "host_packages.py").write_text(
        f"def main(arguments):\n    open({str(looked)!r}, 'a').write('x')\n    return '--bad' not in arguments\n"
    )
    for options, times in ((["--bad"], 1), ([], 2), ([], 2)):
        subprocess.run([sys.executable, str(place / "install.py"), *options], cwd=webui, check=True)
        assert looked.read_text() == times * "x"
    os.utime(place / "tools" / "host_packages.py", (1, 1))
    subprocess.run([sys.executable, str(place / "install.py")], cwd=webui, check=True)
    assert looked.read_text() == "xxx"


def test_it_looks_without_importing_what_it_looks_for(webui: Path):
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tools import host_packages\n"
        "host_packages.main([]); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=webui, capture_output=True, text=True, check=True)
    assert not {"numpy", "cv2", "onnxruntime", "PIL", "torch"} & set(done.stdout.split())


def wheel(folder: Path, name: str, version: str, module: str, needs: str = "") -> None:
    """A wheel of one empty module, made by hand."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    files = {
        f"{module}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl", "w") as packed:
        for file, text in files.items():
            packed.writestr(file, text)


HOST = (
    ("numpy", "1.26.2", "numpy"),
    ("Pillow", "9.5.0", "PIL"),
    ("safetensors", "0.4.2", "safetensors"),
    ("psutil", "5.9.5", "psutil"),
    ("protobuf", "3.20.0", "protobuf"),
    ("filelock", "3.14.0", "filelock"),
    ("jinja2", "3.1.4", "jinja2"),
    ("scipy", "1.11.0", "scipy"),
    ("lazy-loader", "0.4", "lazy_loader"),
    ("scikit-image", "0.21.0", "skimage"),
)
NEWER = (
    ("numpy", "2.4.0", "numpy"),
    ("protobuf", "7.36.0", "protobuf"),
    ("opencv-python-headless", "4.12.0.88", "cv2"),
    ("opencv-python-headless", "4.11.0.86", "cv2"),
)


@pytest.mark.slow
def test_the_true_pip_adds_and_moves_nothing(webui: Path):
    """A host of hand-made packages: onnxruntime's greed for a new protobuf and numpy is not fed."""
    wheels = webui / "wheels"
    for name, version, module in (*HOST, *NEWER):
        wheel(wheels, name, version, module)
    wheel(wheels, "onnxruntime", "1.32.0", "onnxruntime", "Requires-Dist: protobuf>=4.25\nRequires-Dist: numpy>=2\n")
    subprocess.run([sys.executable, "-m", "venv", str(webui / "venv")], check=True, timeout=300)
    python = str(webui / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels.as_uri()}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [python, *arguments], env=environment, cwd=webui, capture_output=True, text=True, timeout=300, check=True
        )
        return done.stdout

    run("-m", "pip", "install", "--no-deps", *(f"{name}=={version}" for name, version, _ in HOST))
    before = set(run("-m", "pip", "freeze").splitlines())
    assert run(str(ROOT / "install.py")).count("added") == 2
    after = set(run("-m", "pip", "freeze").splitlines())
    assert before <= after
    added = {line.split(" @ ")[0].split("==")[0] for line in after - before}
    assert added == {"opencv-python-headless", "onnxruntime"}
    assert "4.11.0.86" in run("-m", "pip", "show", "opencv-python-headless")
    assert run(str(ROOT / "install.py")) == ""
