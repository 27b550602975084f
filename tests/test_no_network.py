"""Every way to start the program looks up no name, reaches nothing, and writes nothing outside its data folder.

Traced by strace, in a network namespace without routes: a library's own thread is seen as well as Python's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CALLS = "%network,openat,creat,mkdir,mkdirat,rename,renameat,renameat2"
LOOPBACK = re.compile(r'"(127\.0\.0\.1|::1|::ffff:127\.0\.0\.1)"')
NAME_SERVER = "htons(53)"
WRITING = re.compile(r"O_CREAT|O_WRONLY|O_RDWR")
DEVICES = ("/dev/", "/proc/")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@dataclass(frozen=True)
class Trace:
    """What strace wrote of a command and all its children."""

    text: str

    def reached(self) -> list[str]:
        """Calls that go to an address outside this machine, those that fail included."""
        calls = re.findall(r"^\d+ +((?:connect|sendto|sendmsg|sendmmsg)\(.*)$", self.text, re.MULTILINE)
        inet = [call for call in calls if "sa_family=AF_INET" in call]
        return [call for call in inet if NAME_SERVER in call or not LOOPBACK.search(call)]

    def written(self, folder: Path) -> set[str]:
        """Files and folders outside `folder` that were opened for writing, made or renamed. Paths stand in <> or ""."""
        found = set()
        for call, rest in re.findall(
            r"^\d+ +(openat|creat|mkdir\w*|rename\w*)\((.*) = \d+.*$", self.text, re.MULTILINE
        ):
            if call != "openat" or WRITING.search(rest):
                for path in re.findall(r'"([^"]*)"', rest):
                    whole = os.path.normpath(folder / path)
                    if not whole.startswith((f"{folder}/", *DEVICES)):
                        found.add(f"{call} {whole}")
        return found


@pytest.fixture(scope="module")
def tracer() -> list[str]:
    """The beginning of a command that traces another one without a network. Skips the test where there is none."""
    if sys.platform != "linux" or not shutil.which("strace"):
        pytest.skip("strace is not installed")
    command = ["strace", "-f", "-qq", "-s", "300", "-e", f"trace={CALLS}"]
    isolated = ["unshare", "-n", "sh", "-c", 'ip link set lo up 2>/dev/null; exec "$@"', "sh"]
    for rights in (isolated, ["unshare", "-r", "-n", *isolated[2:]]):
        if (
            subprocess.run([*rights, *command, "-o", os.devnull, "true"], capture_output=True, check=False).returncode
            == 0
        ):
            return [*rights, *command]
    pytest.skip("this user may make no network namespace or trace no process")


def traced(tracer: Sequence[str], folder: Path, command: Sequence[str], stdin: str = "") -> Trace:
    """Run it in `folder` with a fresh home, which stays empty, and a fresh temporary folder."""
    for name in ("home", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    own = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "PYTHONPATH": str(ROOT)}
    kept = ("PATH", "LANG", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
    environment = {name: os.environ[name] for name in kept if name in os.environ} | own
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "2"}
    log = folder.parent / f"{folder.name}.strace"
    done = subprocess.run(
        [*tracer, "-o", str(log), *command],
        cwd=folder, env=environment, input=stdin, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert list((folder / "home").rglob("*")) == []
    return Trace(log.read_text(encoding="utf-8", errors="replace"))


def assert_private(trace: Trace, folder: Path) -> None:
    assert len(trace.text) > 1000, "nothing was traced"
    assert trace.reached() == []
    assert trace.written(folder) == set()
    assert list((folder / "tmp").rglob("*")) == []


def test_a_name_that_is_looked_up_is_seen(tracer: list[str], tmp_path: Path):
    code = "import socket, contextlib\nwith contextlib.suppress(OSError): socket.getaddrinfo('example.invalid', 80)"
    trace = traced(tracer, tmp_path / "lookup", [sys.executable, "-c", code])
    assert NAME_SERVER in trace.reached()[0]


def test_training_and_portrait_of_the_command_line(tracer: list[str], tmp_path: Path):
    """The trainer is its child; the portrait is repainted, so that torch is loaded here too."""
    from easyphoto.demo.samples import make_samples
    from easyphoto.faces.builtin.toolbox import BuiltinToolbox
    from easyphoto.paths import Paths

    folder = tmp_path / "cli"
    samples = make_samples(Paths(tmp_path / "made"), tmp_path / "samples", BuiltinToolbox(Paths(tmp_path / "made")))
    template = next((ROOT / "models" / "templates").glob("*.jpg"))
    easyphoto = [sys.executable, "-m", "easyphoto"]
    small = ["--train-lora", "--max-steps", "1", "--save-steps", "1", "--resolution", "128", "--no-validation"]
    photos = ["--photos", *map(str, samples.photos[:3])]
    train = [*easyphoto, "train", "--data", "data", "--name", "Ann", "--consent", *photos, *small]
    assert_private(traced(tracer, folder, train), folder)
    brush = ["--first-denoising-strength", "0.5", "--first-steps", "2"]
    portrait = [
        *easyphoto,
        "portrait",
        "--data",
        "data",
        "--person",
        "ann",
        "--template",
        str(template),
        "--out",
        "out",
    ]
    assert_private(traced(tracer, folder, [*portrait, *brush]), folder)
    assert list((folder / "out").glob("*.png"))


def test_the_server_of_its_own(tracer: list[str], tmp_path: Path):
    folder, photo = tmp_path / "server", ROOT / "models" / "samples" / "astronaut.png"
    trace = traced(tracer, folder, [sys.executable, str(ROOT / "tests" / "visited_server.py"), str(photo)])
    assert_private(trace, folder)
    assert "gradio" in trace.text


def test_the_extension_in_a_webui(tracer: list[str], tmp_path: Path):
    """Its page is launched, which asks itself over the loopback address, and our tab and routes are made."""
    folder = tmp_path / "webui"
    host = ROOT / "tests" / "webui" / "gradio_host.py"
    trace = traced(tracer, folder, [sys.executable, str(host), str(folder / "data")])
    assert trace.reached() == []
    assert trace.written(folder) == set()
    assert [file.name for file in (folder / "tmp").iterdir()] in ([], ["gradio"]), "gradio's own is the host's"
