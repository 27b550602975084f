"""The trainer as a true process, and what it says."""

import os
import subprocess
import sys
from pathlib import Path

from kohya_train.contract import STOP_WITH_PARENT, TrainConfig, TrainerEvent, decode

ROOT = Path(__file__).resolve().parents[2]


def start(config: TrainConfig, folder: Path) -> "subprocess.Popen[str]":
    config.write(folder / "run.json")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "kohya_train", str(folder / "run.json"), STOP_WITH_PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(folder / "log").open("ab"),
        encoding="ascii",
        env=environment,
    )


def run(config: TrainConfig, folder: Path) -> list[TrainerEvent]:
    with start(config, folder) as process:
        assert process.stdout is not None
        return [decode(line) for line in process.stdout]
