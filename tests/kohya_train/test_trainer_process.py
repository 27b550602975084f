"""The trainer as a true process on a tiny built-in model."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import torch
from PIL import Image
from running_trainer import ROOT, run, start
from tiny_base import make_template

from kohya_train.contract import (
    Done,
    Loaded,
    Resumed,
    Saved,
    Started,
    Stepped,
    TrainConfig,
    TrainerEvent,
    ValidationPlan,
    ValidationSaved,
    ValidationTemplate,
    Warned,
    decode,
)
from kohya_train.export import read_lora
from kohya_train.loop import train


def kill_after(config: TrainConfig, folder: Path, wanted: Callable[[TrainerEvent], bool]) -> None:
    with start(config, folder) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if wanted(decode(line)):
                process.kill()
                break


def test_two_steps_with_trials_leave_everything(config: TrainConfig, tmp_path: Path):
    templates = tuple(
        ValidationTemplate(*map(str, make_template(tmp_path / "t", size))) for size in ((90, 130), (200, 100))
    )
    broken = ValidationTemplate(str(tmp_path / "none.png"), str(tmp_path / "none.png"))
    plan = ValidationPlan((*templates, broken), "a face", "", 0.3, 4, 1.0)
    events = run(replace(config, steps=2, save_steps=100, validation_images=plan), tmp_path)
    kinds = [type(event) for event in events]
    assert kinds[:4] == [Started, Loaded, Stepped, Stepped]
    assert kinds[-1] is Done
    assert events[1] == Loaded(12, 48, "cpu", "fp32")
    saved = [event for event in events if isinstance(event, Saved)]
    assert [event.step for event in saved] == [2]  # the last step always has its checkpoint
    sizes = [Image.open(event.file).size for event in events if isinstance(event, ValidationSaved)]
    assert sizes == [(64, 64), (128, 64)]  # each at its own shape
    assert [event for event in events if isinstance(event, Warned)] != []  # the broken one, and it is no end
    tensors, metadata = read_lora(Path(saved[0].file))
    assert len(tensors) == 3 * 60
    assert metadata["ss_network_dim"] == "4"
    assert json.loads(metadata["ss_tag_frequency"]) == {"train": {"easyphoto_face, easyphoto, 1person": 3}}
    assert any(tensor.abs().max() > 0 for name, tensor in tensors.items() if name.endswith("lora_up.weight"))


def test_kill_and_resume_ends_where_an_unbroken_run_ends(config: TrainConfig, tmp_path: Path):
    config = replace(config, steps=5, save_steps=2)
    whole, broken = (tmp_path / name for name in ("whole", "broken"))
    for folder in (whole, broken):
        folder.mkdir()
    full: list[TrainerEvent] = []
    train(replace(config, output_folder=str(whole / "out")), full.append)  # unbroken, and in this process
    config = replace(config, output_folder=str(broken / "out"), resume=True)
    kill_after(config, broken, lambda event: isinstance(event, Stepped) and event.step == 3)
    resumed = run(config, broken)
    losses = [(event.step, event.loss) for event in full if isinstance(event, Stepped)]
    assert Resumed(2, tuple(losses[:2])) in resumed
    assert [event.step for event in resumed if isinstance(event, Saved)] == [2, 4, 5]
    assert [(event.step, event.loss) for event in resumed if isinstance(event, Stepped)] == losses[2:]
    ends = [read_lora(folder / "out" / "checkpoint-5.safetensors")[0] for folder in (whole, broken)]
    for name, tensor in ends[0].items():
        torch.testing.assert_close(tensor, ends[1][name], rtol=0, atol=0)


def test_closing_the_leash_ends_it_at_once(config: TrainConfig, tmp_path: Path):
    with start(replace(config, steps=10_000), tmp_path) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if isinstance(decode(line), Stepped):
                break
        assert process.stdin is not None
        begun = time.monotonic()
        process.stdin.close()
        assert process.wait(timeout=3) == 3
        assert time.monotonic() - begun < 3
        assert not psutil.pid_exists(process.pid)


def test_a_damaged_letter_is_told(tmp_path: Path):
    (tmp_path / "run.json").write_text("{")
    done = subprocess.run(
        [sys.executable, "-m", "kohya_train", str(tmp_path / "run.json")],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 2
    assert decode(done.stdout).stage == "config"
