"""All that runs inside a WebUI, tested with the packages the WebUI pins."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from host_python import NAMED, host_python

ROOT = Path(__file__).resolve().parents[2]
INSIDE = (
    *(
        "tests/api",
        "tests/faces",
        "tests/jobs",
        "tests/library",
        "tests/portrait",
        "tests/webui",
    ),
    *(
        f"tests/ui/test_{name}.py"
        for name in ("base_models", "form", "uploads", "panels", "stages", "strings", "views")
    ),
    *(f"tests/images/test_{name}.py" for name in ("color", "masks", "saving", "sizes")),
    *(f"tests/training/test_{name}.py" for name in ("prepare", "whose_face", "photo_verdicts", "photo_measures")),
    "tests/test_lora.py",
)


def test_every_named_place_is_there():
    assert [name for name in INSIDE if not (ROOT / name).exists()] == []


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("kind", list(NAMED))
def test_our_tests_pass_with_the_hosts_packages(kind: str, tmp_path: Path):
    python = host_python(kind)
    environment = {name: value for name, value in os.environ.items() if name != "EASYPHOTO_HOST_TESTS"}
    options = ["-x", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'inside'}"]
    command = [python, "-m", "pytest", *options, *INSIDE]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
