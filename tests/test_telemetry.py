"""What libraries would tell their makers is switched off, and nothing of ours is written into the user's home."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DETECT = """
import time
import numpy as np
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.paths import Paths
import pathlib, sys
BuiltinToolbox(Paths(pathlib.Path(sys.argv[1]))).detect(np.full((128, 128, 3), 127, np.uint8))
time.sleep(1)
"""
SWITCHES = ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "GRADIO_ANALYTICS_ENABLED")


def run(code: str, home: Path, *arguments: str) -> str:
    home.mkdir(exist_ok=True)
    clean = {name: value for name, value in os.environ.items() if name not in (*SWITCHES, "XDG_CACHE_HOME")}
    environment = {**clean, "HOME": str(home), "USERPROFILE": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("start", ["import easyphoto", "from kohya_train import __main__ as m; m.apply_environment()"])
def test_every_switch_is_set_before_any_library(start: str, tmp_path: Path):
    code = f"import os; {start}; print(*(os.environ.get(name) for name in {SWITCHES!r}))"
    assert run(code, tmp_path / "home").split() == ["1", "1", "1", "False"]


def test_detection_writes_nothing_into_the_home_folder(tmp_path: Path):
    run(DETECT, tmp_path / "home", str(tmp_path / "data"))
    time.sleep(0.2)
    assert [file for file in (tmp_path / "home").rglob("*") if file.is_file()] == []
