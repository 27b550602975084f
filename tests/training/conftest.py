"""A job for the trainer on a folder of its own, and three photos of one person."""

from pathlib import Path

import numpy as np
import pytest
from fakes import draw_faces, save

from easyphoto.domain import Checkpoint, ModelFamily, Photo, TrainingSet, TrainRequest
from easyphoto.training.launch import TrainerJob, ValidationInput


@pytest.fixture
def trainer_job(tmp_path: Path) -> TrainerJob:
    pictures = tuple(tmp_path / "set" / "train" / f"{n}.png" for n in range(3))
    training_set = TrainingSet(
        tmp_path / "set", pictures, "a caption", tmp_path / "ref.png", (), np.zeros((3, 128), np.float32)
    )
    request = TrainRequest(person="Łucja 爱", rank=8, alpha=4, steps_per_photo=2, max_steps=100, save_steps=3)
    base = Checkpoint("built-in", ModelFamily.BUILTIN, tmp_path / "base")
    return TrainerJob(training_set, request, base, tmp_path / "run", (ValidationInput(Path("t.png"), Path("m.png")),))


@pytest.fixture
def photos(tmp_path: Path) -> list[Photo]:
    """In the miniature world of `fakes`."""
    files = [
        save(draw_faces((300, 300), [((150, 150), 120 + n, (190, 110, 90))]), tmp_path / f"{n}.png") for n in range(3)
    ]
    return [Photo(file, file.name) for file in files]
