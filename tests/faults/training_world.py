"""A training of seconds with the true trainer, in a process that may be killed, and what is left of it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from fakes import draw_faces, save
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[2]
CLI = Path(__file__).with_name("tiny_cli.py")
REQUEST = {
    **{"train_lora": True, "max_steps": 12, "steps_per_photo": 12, "save_steps": 3, "resolution": 128, "rank": 4},
    **{"alpha": 2, "accumulation": 1, "precision": "fp32"},
}
"""Fields of the training's request."""

CATALOG = (
    '["one.png"]\ntitle={en="T", zh="T"}\ntags=[]\npeople=1\nvalidation=true\nsource="s"\nlicense="l"\nchanges="c"\n'
)
EVENT = "kohya_train {"
"""How a line of the trainer's log begins, after its time, that repeats an event."""


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    answer: dict[str, Any]  # what --json printed; empty when it was killed


@dataclass(frozen=True)
class TrainingWorld:
    """A data folder with its photos; every run of the same world is the same training."""

    folder: Path
    base: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def working(self) -> Path:
        return self.data / "jobs" / "train-ann"

    @property
    def person(self) -> Path:
        return self.data / "persons" / "ann"

    def start(self, *more: str) -> subprocess.Popen[str]:
        """`easyphoto train` of the photos."""
        settings = {name.replace("_", "-"): value for name, value in REQUEST.items() if value is not True}
        options = [text for name, value in settings.items() for text in (f"--{name}", str(value))]
        command = [
            *(sys.executable, str(CLI), str(self.folder / "models"), str(self.base), "train", "--data", str(self.data)),
            *("--name", "Ann", "--photos", str(self.folder / "photos"), "--consent", "--train-lora", "--json"),
        ]
        search = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": search}
        return subprocess.Popen(
            [*command, *options, *more], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )

    def run(self, *more: str) -> Ended:
        """To its end."""
        return ended(self.start(*more))

    def events(self) -> int:
        """How many events the trainer has written so far, over all tries."""
        log = self.working / "run" / "train.log"
        return log.read_text(encoding="utf-8", errors="replace").count(EVENT) if log.is_file() else 0

    def tensors(self) -> str:
        """SHA-256 over names and bytes of the person's LoRA, whatever its metadata says."""
        digest = hashlib.sha256()
        (file,) = self.person.glob("*.safetensors")
        for name, tensor in sorted(load_file(file).items()):
            digest.update(name.encode() + np.ascontiguousarray(tensor).tobytes())
        return digest.hexdigest()


def make_world(folder: Path, base: Path) -> TrainingWorld:
    """Three photos and one template for validation images."""
    (folder / "photos").mkdir(parents=True)
    for n in range(3):
        face = [((120 + 30 * n, 150), 120 + 20 * n, (190, 110 + 9 * n, 90))]
        save(draw_faces((300, 300), face), folder / "photos" / f"{n}.png")
    templates = folder / "models" / "templates"
    templates.mkdir(parents=True)
    save(draw_faces((300, 400), [((150, 200), 120, (200, 130, 110))]), templates / "one.png")
    (templates / "templates.toml").write_text(CATALOG, encoding="utf-8")
    return TrainingWorld(folder, base)


def ended(process: subprocess.Popen[str]) -> Ended:
    """Wait for it, at most two minutes."""
    out, _ = process.communicate(timeout=120)
    return Ended(process.returncode, json.loads(out) if out.strip() else {})


def trainer_of(process: subprocess.Popen[str]) -> psutil.Process | None:
    """Its trainer, when that runs."""
    try:
        return next(iter(psutil.Process(process.pid).children()), None)
    except psutil.NoSuchProcess:
        return None


def wait_until(there: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 120.0) -> None:
    """Until it is so or the process has ended."""
    end = time.monotonic() + seconds
    while not there() and process.poll() is None:
        assert time.monotonic() < end, "nothing happens"
        time.sleep(0.002)
