"""The trainer of the experimental family on a tiny network, and the landmarks it reads."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from builtin_model.inpaint import network
from builtin_model.inpaint.parts import FaceInpaintModel, read_frozen, save
from builtin_model.mesh_indices import OVAL
from kohya_train.contract import (
    STOP_FILE,
    BadConfig,
    Landmarks,
    Saved,
    Stepped,
    TrainConfig,
    TrainerEvent,
    ValidationPlan,
    ValidationSaved,
    ValidationTemplate,
    read_landmarks,
    write_landmarks,
)
from kohya_train.examples import BadData
from kohya_train.export import read_lora
from kohya_train.loop import train
from kohya_train.run import StageError

BASE = Path(__file__).resolve().parents[2] / "models" / "builtin" / "base"
TINY = {**network.UNET, "block_out_channels": (8, 8, 16), "norm_num_groups": 4, "attention_head_dim": 2}


def face() -> Landmarks:
    mesh = np.random.default_rng(0).uniform(70, 130, (468, 2))
    turn = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    mesh[list(OVAL)] = 100 + 40 * np.column_stack([np.sin(turn), -np.cos(turn)])
    points = ((80, 90), (120, 90), (100, 105), (85, 120), (115, 120))
    return Landmarks(points, tuple(map(tuple, mesh.tolist())))


def picture(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((200, 200), 60).convert("RGB").save(file)
    write_landmarks(file, face())
    return file


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    torch.manual_seed(0)
    save(FaceInpaintModel(network.fresh_unet(TINY), read_frozen(BASE)), tmp_path / "base")
    for number in range(2):
        picture(tmp_path / "set" / "photos" / f"{number:04d}.jpg")
    shown = ValidationTemplate(str(picture(tmp_path / "template.png")), "")
    plan = ValidationPlan(templates=(shown,), strength=1.0, steps=4, at_start=True)
    folders = (str(tmp_path / "base"), str(tmp_path / "set"), str(tmp_path / "run"))
    rest = {"batch_size": 2, "rank": 4, "alpha": 4.0, "precision": "fp32", "validation_images": plan}
    return TrainConfig("experimental", *folders, steps=2, save_steps=1, **rest)


def test_it_writes_a_lora_of_every_layer_that_says_so(config: TrainConfig):
    told: list[TrainerEvent] = []
    train(config, told.append)
    assert [one.step for one in told if isinstance(one, Stepped)] == [1, 2]
    assert [(one.step, Path(one.file).is_file()) for one in told if isinstance(one, ValidationSaved)] == [
        (0, True), (1, True), (2, True)]  # fmt: skip
    tensors, about = read_lora(Path([one.file for one in told if isinstance(one, Saved)][-1]))
    assert about["ss_base_model_version"] == "easyphoto_inpaint"
    assert '"conv_dim": 4' in about["ss_network_args"]
    assert about["modelspec.prediction_type"] == "v"
    shapes = {tensor.ndim for name, tensor in tensors.items() if name.endswith("lora_down.weight")}
    assert shapes == {2, 4}
    assert any(tensor.any() for name, tensor in tensors.items() if name.endswith("lora_up.weight"))


def test_a_stop_file_ends_it_with_the_step_saved(config: TrainConfig):
    told: list[TrainerEvent] = []

    def report(event: TrainerEvent) -> None:
        told.append(event)
        if isinstance(event, Stepped):
            Path(config.output_folder, STOP_FILE).touch()

    train(config, report)
    assert [one.step for one in told if isinstance(one, Saved)] == [1]


def test_photos_without_landmarks_are_no_photos(config: TrainConfig):
    for file in Path(config.data_folder, "photos").glob("*-landmarks.json"):
        file.unlink()
    with pytest.raises(StageError) as caught:
        train(config, lambda event: None)
    assert caught.value.stage == "data"


def test_landmarks_that_are_none_are_told(tmp_path: Path):
    file = picture(tmp_path / "0.png")
    assert len(read_landmarks(file).mesh) == 468
    (tmp_path / "0-landmarks.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BadConfig, match="no-landmarks"):
        read_landmarks(file)


def test_a_photo_that_is_too_large_to_open_is_named(config: TrainConfig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(StageError) as caught:
        train(config, lambda event: None)
    assert isinstance(caught.value.__cause__, BadData)
