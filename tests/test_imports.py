"""Importing is cheap: no heavy package comes along, and it takes hardly longer than a bare Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "cv2", "gradio", "modelscope", "diffusers", "transformers", "onnxruntime", "peft", "accelerate")
LIGHT_MODULES = (
    "easyphoto",
    "easyphoto.cli.app",
    "easyphoto.diagnostics",
    "easyphoto.cli.arguments",
    "kohya_train.contract",
)
LIMIT_SECONDS = 0.15


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


def fastest(code: str, times: int = 5) -> float:
    """Seconds of processor time of the quickest run: what the machine is doing besides hardly counts."""
    spent = []
    for _ in range(times):
        start = sum(os.times()[2:4])
        run(code)
        spent.append(sum(os.times()[2:4]) - start)
    return min(spent)


@pytest.mark.parametrize("module", LIGHT_MODULES)
def test_brings_nothing_heavy(module: str):
    loaded = run(f"import sys, {module}; print(*sorted(set(sys.modules)))").split()
    assert set(HEAVY) & set(loaded) == set()
    assert module in loaded


@pytest.mark.slow
def test_package_import_is_quick():
    assert fastest("import easyphoto") - fastest("pass") < LIMIT_SECONDS


@pytest.mark.slow
def test_the_console_is_there_at_once():
    """numpy and Pillow come with the nouns; their share is not ours to judge."""
    nouns = fastest("import numpy, PIL.Image, rich.console, rich.progress, rich.table, argparse")
    assert fastest("import easyphoto.cli.app") - nouns < LIMIT_SECONDS
