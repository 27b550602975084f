"""All that runs inside a WebUI, tested with the packages the WebUI pins."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from host_python import NAMED, host_python

ROOT = Path(__file__).resolve().parents[2]
INSIDE = (
    *(
        "tests/api",
        "tests/jobs",
        "tests/library",
        "tests/webui",
    ),
    *(
        f"tests/ui/test_{name}.py"
        for name in ("base_models", "form", "uploads", "panels", "stages", "strings", "views")
    ),
    *(f"tests/faces/test_{name}.py" for name in ("builtin_toolbox", "filters", "geometry", "skin_tone", "wear")),
    *(f"tests/portrait/test_{name}.py" for name in ("finish", "generate", "plan")),
    *(f"tests/images/test_{name}.py" for name in ("color", "masks", "saving", "sizes")),
    *(f"tests/training/test_{name}.py" for name in ("prepare", "whose_face", "photo_verdicts", "photo_measures")),
    "tests/test_lora.py",
)


@dataclass(frozen=True)
class Run:
    """Our tests with one host's packages, and the file that what they say goes to."""

    process: subprocess.Popen[bytes]
    said: Path


def test_every_named_place_is_there():
    assert [name for name in INSIDE if not (ROOT / name).exists()] == []


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    """Both hosts' runs at once, which takes half the time."""
    environment = {name: value for name, value in os.environ.items() if name != "EASYPHOTO_HOST_TESTS"}
    pythons = {kind: host_python(kind) for kind in NAMED}
    started = {}
    for kind, python in pythons.items():
        folder = tmp_path_factory.mktemp(kind)
        options = ["-x", "-m", "not slow", "-p", "no:cacheprovider", f"--basetemp={folder / 'inside'}"]
        with (folder / "said").open("w", encoding="utf-8") as said:
            process = subprocess.Popen(
                [python, "-m", "pytest", *options, *INSIDE], cwd=ROOT, env=environment, stdout=said, stderr=said
            )
        started[kind] = Run(process, folder / "said")
    yield started
    for run in started.values():
        run.process.kill()
        run.process.wait()


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("kind", list(NAMED))
def test_our_tests_pass_with_the_hosts_packages(runs: dict[str, Run], kind: str):
    code = runs[kind].process.wait()
    said = runs[kind].said.read_text(encoding="utf-8")
    assert code == 0, said[-6000:]
    assert " passed" in said
