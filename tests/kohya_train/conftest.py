import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tiny_base import make_base, make_pictures

from kohya_train.contract import TrainConfig


@pytest.fixture(autouse=True)
def one_process_one_training() -> Iterator[None]:
    """accelerate keeps its state for the life of a process; here several trainings share one."""
    yield
    if "accelerate" in sys.modules:
        from accelerate.state import AcceleratorState

        AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Family -> a tiny base model, made once."""
    made: dict[str, Path] = {}

    def give(family: str) -> Path:
        if family not in made:
            made[family] = make_base(tmp_path_factory.mktemp(family), family)
        return made[family]

    return give


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared folder of three pictures."""
    return make_pictures(tmp_path_factory.mktemp("data") / "set")


@pytest.fixture
def config(base: Callable[[str], Path], pictures: Path, tmp_path: Path) -> TrainConfig:
    """A small built-in training into a fresh folder."""
    return TrainConfig(
        family="built-in",
        base_model=str(base("built-in")),
        data_folder=str(pictures),
        output_folder=str(tmp_path / "out"),
        steps=4,
        save_steps=2,
        resolution=64,
        batch_size=2,
        accumulation=1,
        rank=4,
        alpha=2.0,
        precision="fp32",
        lora_forward="separate",
        threads=1,
    )
