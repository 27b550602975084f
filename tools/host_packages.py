"""Run by install.py inside a WebUI or ComfyUI: installs what EasyPhoto lacks there, and nothing else.

Standard library only. Silent when all is there. A package that belongs to the WebUI is never moved: not one
that is there in another version, and not as a dependency of what is installed. Nothing here stops the
WebUI from starting: what cannot be installed is named with the command that does it by hand.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 900.0  # seconds for one package; the WebUI waits for us
_OFFLINE = ("NewConnectionError", "Max retries", "timed out", "name resolution", "getaddrinfo", "ProxyError")


@dataclass(frozen=True)
class Need:
    """A module our code imports inside the WebUI. `names`: the packages that bring it, the one to install first."""

    module: str
    names: tuple[str, ...]
    floor: tuple[int, ...]
    below: str = ""  # the first version that some WebUI could not use

    @property
    def requirement(self) -> str:
        """As pip reads it."""
        floor = f"{self.names[0]}>={'.'.join(map(str, self.floor))}"
        return f"{floor},<{self.below}" if self.below else floor


NEEDS = (
    # numpy 2 and Pillow 11 are not for the torch that WebUIs have; OpenCV 4.12 asks for numpy 2. onnxruntime needs
    # nothing but numpy to run a net, whatever it says: with what it asks for, it would move the WebUI's protobuf.
    Need("numpy", ("numpy",), (1, 26), "2"),
    Need("PIL", ("Pillow",), (9, 5), "11"),
    Need("safetensors", ("safetensors",), (0, 4)),
    Need("filelock", ("filelock",), (3, 14)),
    Need("jinja2", ("jinja2",), (3, 1)),
    Need("scipy", ("scipy",), (1, 8)),
    Need("lazy_loader", ("lazy-loader",), (0, 2)),  # scikit-image's own need: nothing is installed with dependencies
    Need("skimage", ("scikit-image",), (0, 21)),
    Need("psutil", ("psutil",), (5, 9)),
    *((Need("tomli", ("tomli",), (2,)),) if sys.version_info < (3, 11) else ()),  # newer Pythons have tomllib
    Need("cv2", ("opencv-python-headless", "opencv-python", "opencv-contrib-python"), (4, 8), "4.12"),
    Need("onnxruntime", ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml"), (1, 17)),
)

Pip = Callable[[Sequence[str]], tuple[int, str]]
"""Runs pip with these arguments; its exit code and all it said."""


def main(arguments: Sequence[str], pip: Pip | None = None) -> bool:
    """Whether all was there already. Whatever comes of it, the WebUI starts."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a console may lack letters that a path has
    if not inside_webui(Path.cwd(), Path(__file__).parent):
        say("install.py is for a WebUI or ComfyUI. Elsewhere use: python start.py")
        return False
    if asked_to_skip(arguments):
        return False
    missing = [need for need in NEEDS if importlib.util.find_spec(need.module) is None]
    old = [(need, version) for need in NEEDS if need not in missing and (version := too_old(need))]
    for need, version in old:
        say(f"{version} is older than {need.requirement}. It belongs to the WebUI and stays; update the WebUI.")
    if missing:
        with constraints() as frozen:
            for need in missing:
                install(need, frozen, pip or run_pip)
    return not missing and not old


def inside_webui(folder: Path, file: Path) -> bool:
    """The WebUI's folder is where we run, or we lie among its extensions, or among ComfyUI's nodes."""
    root = (folder / "launch.py").is_file() and (folder / "modules").is_dir()
    return root or file.absolute().parent.parent.name in ("extensions", "custom_nodes")


def asked_to_skip(arguments: Sequence[str]) -> bool:
    """--skip-install, here or where the WebUI's own arguments are kept."""
    try:
        given = shlex.split(os.environ.get("COMMANDLINE_ARGS", ""))
    except ValueError:  # an odd quotation mark is the WebUI's to complain of
        given = os.environ["COMMANDLINE_ARGS"].split()
    return "--skip-install" in [*arguments, *given]


def too_old(need: Need) -> str:
    """The installed package as "name version" when it is under the floor, else ""."""
    for name in need.names:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        numbers = tuple(int(part) for part in re.findall(r"\d+", version)[: len(need.floor)])
        return f"{name} {version}" if numbers < need.floor else ""
    return ""  # made by hand or vendored: the import will show


@contextlib.contextmanager
def constraints() -> Iterator[Path]:
    """A file that nails every installed package to its version, for the block."""
    lines = {
        f"{dist.metadata['Name']}=={dist.version}"
        for dist in importlib.metadata.distributions()
        if dist.metadata["Name"] and re.fullmatch(r"\d[\w.!+-]*", dist.version or "")
    }
    with tempfile.TemporaryDirectory(prefix="easyphoto-") as folder:
        file = Path(folder) / "installed.txt"
        file.write_text("\n".join(sorted(lines)) + "\n", encoding="utf-8")
        yield file


def install(need: Need, frozen: Path, pip: Pip) -> bool:
    """Add the package, or say in a sentence why it is not there and how to add it by hand."""
    wheels = ["--only-binary=:all:", "--prefer-binary", "--no-deps"]
    code, said = pip(["install", *wheels, "--constraint", str(frozen), need.requirement])
    importlib.invalidate_caches()
    if code == 0 and importlib.util.find_spec(need.module) is not None:
        say(f"added {need.requirement} to the WebUI's packages; nothing else was changed.")
        return True
    offline = any(word in said for word in _OFFLINE)
    last = (said.strip().splitlines() or ["pip said nothing"])[-1]
    why = "there is no connection to the package index" if offline else last
    hand = f'"{sys.executable}" -m pip install {" ".join(wheels)} "{need.requirement}"'
    say(f"{need.names[0]} could not be installed ({why}). By hand: {hand}")
    return False


def run_pip(arguments: Sequence[str]) -> tuple[int, str]:
    """The pip of the Python that runs us, with the package index that the WebUI was told to use."""
    options = ["--disable-pip-version-check", "--no-input", "--timeout", "15", "--retries", "1"]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    if index := os.environ.get("INDEX_URL"):
        environment["PIP_INDEX_URL"] = index
    command = [sys.executable, "-m", "pip", *arguments, *options]
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", errors="replace", timeout=PATIENCE, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as problem:
        return 1, str(problem)
    return done.returncode, done.stdout


def say(text: str) -> None:
    """One line on the WebUI's console."""
    print(f"EasyPhoto: {text}", flush=True)
