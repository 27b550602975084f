"""What the faults are tried on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "kohya_train"))  # the tiny base models

from tiny_base import make_base
from training_world import Ended, TrainingWorld, make_world


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model of a few kilobytes."""
    return make_base(tmp_path_factory.mktemp("base"), "built-in")


@pytest.fixture
def training(tmp_path: Path, tiny_base: Path) -> TrainingWorld:
    """A training that nobody has begun."""
    return make_world(tmp_path / "world", tiny_base)


@pytest.fixture(scope="session")
def unbroken_run(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> tuple[TrainingWorld, Ended]:
    """The training that nothing disturbs, ended."""
    world = make_world(tmp_path_factory.mktemp("unbroken") / "world", tiny_base)
    done = world.run()
    assert done.code == 0
    return world, done


@pytest.fixture(scope="session")
def unbroken(unbroken_run: tuple[TrainingWorld, Ended]) -> str:
    """Hash of its tensors."""
    return unbroken_run[0].tensors()
