"""The lock files pin exactly, once a Python, and what is required."""

from __future__ import annotations

import re
import sys

import pytest
from lock_files import LOCKS, ROOT

PIN = re.compile(r"^([a-z0-9-]+)==([^ ;]+)( ; (python_version|sys_platform) .+)?$")


def test_locks_do_not_pin_the_same_package_for_the_same_python():
    found = [(package, marker) for name in LOCKS for package, markers in pins(name).items() for marker in markers]
    assert len(found) == len(set(found))
    whole = {package for package, marker in found if not marker}
    assert [package for package, marker in found if marker and package in whole] == []


def pins(name: str) -> dict[str, list[str]]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found: dict[str, list[str]] = {}
    for line in (line for line in lines if line and not line.startswith("#")):
        match = PIN.match(line)
        assert match, f"{line!r} is not an exact pin"
        found.setdefault(match[1], []).append(match[3] or "")
    return found


def test_locks_pin_exactly_and_once_a_python():
    for name in LOCKS:
        for package, markers in pins(name).items():
            assert len(markers) == len(set(markers)), package
            assert "" not in markers or len(markers) == 1, package


def direct(name: str) -> set[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_locks_hold_what_is_required():
    assert {line.split(">=")[0] for line in direct("requirements/base.txt")} <= set(pins("requirements/base.lock.txt"))
    assert {line.split(">=")[0] for line in direct("requirements/dev.txt")} <= set(pins("requirements/dev.lock.txt"))
    assert "gradio" in pins("requirements/ui.lock.txt")
    assert "torch==2.13.0" in (ROOT / "requirements/base.lock.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib")
def test_pyproject_and_requirements_say_the_same():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert {*project["dependencies"], *extras["train"]} == direct("requirements/base.txt")
    assert set(extras["dev"]) == direct("requirements/dev.txt")
    assert {"ui", "train", "modelscope", "xformers", "dev"} <= set(extras)
