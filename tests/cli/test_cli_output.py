"""Standard output that takes nothing: a full disk is told, a closed pipe is nobody's fault."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "easyphoto", "doctor", "--json"]
FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_full_disk_under_standard_output(more: list[str]):
    with FULL.open("w") as full:
        done = subprocess.run([*COMMAND[:4], *more], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 7
    assert "no room left" in done.stderr and "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


def test_a_closed_pipe():
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode in (0, 4) and said == ""
