"""Many portraits in one batch: memory stays what it was after the first ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from counts import tries
from training_world import ROOT

SETTLED = 3
"""Portraits after which everything is loaded: each of the three templates once."""


@pytest.mark.slow
def test_memory_is_flat_over_many_portraits(tmp_path: Path):
    script = str(Path(__file__).with_name("portrait_memory.py"))
    count = tries(7, 30)
    done = subprocess.run(
        [sys.executable, script, str(tmp_path / "data"), str(count)],
        capture_output=True, text=True, timeout=590, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    held = json.loads(done.stdout)
    assert len(held) == count
    assert max(held[SETTLED:]) - max(held[:SETTLED]) < 80, [round(one) for one in held]
