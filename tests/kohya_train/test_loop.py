from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tiny_base import make_template

from kohya_train.contract import (
    Loaded,
    Resumed,
    Saved,
    Stepped,
    TrainConfig,
    TrainerEvent,
    ValidationPlan,
    ValidationSaved,
    ValidationTemplate,
    Warned,
)
from kohya_train.export import read_lora
from kohya_train.loop import train
from kohya_train.run import StageError
from kohya_train.step import indices


def test_a_fresh_run_clears_what_an_old_one_left(config: TrainConfig):
    out = Path(config.output_folder)
    (out / "validation_images").mkdir(parents=True)
    for old in ("checkpoint-99.safetensors", "resume.safetensors", "validation_images/step-99-template-0.png"):
        (out / old).write_bytes(b"old")
    train(replace(config, steps=1), lambda event: None)
    left = [file.name for file in out.rglob("*.*") if file.parent.name != "latents"]
    assert sorted(left) == ["checkpoint-1.safetensors", "resume.safetensors"]


@pytest.mark.parametrize("damage", ["state-of-other-settings", "damaged-state"])
def test_a_resume_file_that_does_not_fit_is_a_warning(config: TrainConfig, damage: str):
    train(replace(config, steps=1), lambda event: None)
    if damage == "damaged-state":
        Path(config.output_folder, "resume.safetensors").write_bytes(b"x" * 100)
    seed = config.seed + (damage == "state-of-other-settings")
    events: list[TrainerEvent] = []
    train(replace(config, steps=1, seed=seed, resume=True), events.append)
    assert any(isinstance(event, Warned) and event.code == damage for event in events)
    assert [event.step for event in events if isinstance(event, Stepped)] == [1]


def test_a_finished_run_resumes_to_nothing_and_goes_on_when_more_is_asked(config: TrainConfig):
    train(replace(config, steps=2), lambda event: None)
    for steps, expected in ((2, []), (3, [3])):
        events: list[TrainerEvent] = []
        train(replace(config, steps=steps, resume=True), events.append)
        assert [event.step for event in events if isinstance(event, Stepped)] == expected
        assert [event.step for event in events if isinstance(event, Saved)] == [2, *expected]


@pytest.mark.parametrize(
    ("change", "stage", "kind"),
    [
        ({"base_model": "nowhere"}, "load", "BadBaseModel"),
        ({"data_folder": "nowhere"}, "data", "BadData"),
        ({"precision": "fp16"}, "load", "NoSuchPrecision"),
        ({"learning_rate": 1e30}, "train", "LossIsNotANumber"),
    ],
)
def test_failures_name_their_stage(config: TrainConfig, change: dict[str, Any], stage: str, kind: str):
    if kind == "NoSuchPrecision" and torch.cuda.is_available():
        pytest.skip("fp16 works here")
    with pytest.raises(StageError) as caught:
        train(replace(config, **change), lambda event: None)
    assert (caught.value.stage, type(caught.value.__cause__).__name__) == (stage, kind)


def test_the_same_seed_gives_the_same_weights_and_another_does_not(config: TrainConfig, tmp_path: Path):
    ends = []
    for number, seed in enumerate((1, 1, 2)):
        out = tmp_path / str(number)
        torch.manual_seed(number)  # the global generator must not matter
        train(replace(config, steps=2, seed=seed, output_folder=str(out)), lambda event: None)
        ends.append(read_lora(out / "checkpoint-2.safetensors")[0])
    name = next(name for name in ends[0] if name.endswith("lora_down.weight"))
    assert all(torch.equal(ends[0][key], ends[1][key]) for key in ends[0])
    assert not torch.equal(ends[0][name], ends[2][name])


def test_training_lowers_the_loss_and_touches_nothing_but_lora(config: TrainConfig):
    events: list[TrainerEvent] = []
    train(replace(config, steps=60, save_steps=60, learning_rate=3e-2, batch_size=4), events.append)
    losses = [event.loss for event in events if isinstance(event, Stepped)]
    assert sum(losses[-10:]) < 0.95 * sum(losses[:10])


def test_all_options_together_train(config: TrainConfig):
    options = {"min_snr_gamma": 5.0, "noise_offset": 0.1, "gradient_checkpointing": True, "accumulation": 2}
    events: list[TrainerEvent] = []
    train(replace(config, steps=2, text_encoder_lr=0.0, precision="bf16", **options), events.append)
    assert next(event for event in events if isinstance(event, Loaded)) == Loaded(0, 48, "cpu", "bf16")
    assert [event.step for event in events if isinstance(event, Saved)] == [2]


def test_gradient_checkpointing_changes_memory_not_results(config: TrainConfig):
    losses = []
    for checkpointing in (False, True):
        events: list[TrainerEvent] = []
        train(replace(config, steps=2, gradient_checkpointing=checkpointing), events.append)
        losses.append([event.loss for event in events if isinstance(event, Stepped)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_stable_diffusion_trains_and_tries(config: TrainConfig, base: Callable[[str], Path], family: str):
    template = ValidationTemplate(*map(str, make_template(Path(config.output_folder).parent / "t", (90, 140))))
    plan = ValidationPlan((template,), "a face", "blurry", 0.5, 4, 3.0)
    events: list[TrainerEvent] = []
    train(replace(config, family=family, base_model=str(base(family)), steps=1, validation_images=plan), events.append)
    assert [event.message for event in events if isinstance(event, Warned)] == []
    assert [Image.open(event.file).size for event in events if isinstance(event, ValidationSaved)] == [(64, 128)]
    resumed: list[TrainerEvent] = []
    train(replace(config, family=family, base_model=str(base(family)), steps=1, resume=True), resumed.append)
    assert [event.step for event in resumed if isinstance(event, Resumed)] == [1]


def test_every_epoch_visits_every_picture_once():
    class Accelerator:
        num_processes, process_index = 1, 0

    class Run:
        config = TrainConfig("built-in", "", "", "", steps=9, batch_size=2, accumulation=2)
        accelerator, examples = Accelerator(), range(5)

    seen = [index for step in range(1, 6) for turn in range(2) for index in indices(Run(), step, turn)]  # type: ignore[arg-type]
    assert len(seen) == 20
    for epoch in range(4):
        assert Counter(seen[epoch * 5 : epoch * 5 + 5]) == Counter(range(5))
    assert seen[:5] != seen[5:10] or seen[5:10] != seen[10:15]


def test_processes_share_an_epoch_without_overlap():
    class Run:
        config = TrainConfig("built-in", "", "", "", steps=9, batch_size=2, accumulation=1)
        examples = range(8)

        def __init__(self, process: int) -> None:
            self.accelerator = type("A", (), {"num_processes": 2, "process_index": process})()

    seen = [i for step in (1, 2) for process in range(2) for i in indices(Run(process), step, 0)]  # type: ignore[arg-type]
    assert sorted(seen) == list(range(8))
