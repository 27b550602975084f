"""The trainer itself, launched: a missing base, the shipped base, the end of its parent."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from PIL import Image

from easyphoto.domain import Checkpoint, ModelFamily
from easyphoto.errors import TrainingFailed
from easyphoto.lora import inspect, merge
from easyphoto.paths import checkout, shipped_models
from easyphoto.progress import Cancelled, Step, silent
from easyphoto.training.launch import TrainerJob, ValidationInput, build_config, launch
from kohya_train.contract import STOP_WITH_PARENT


def test_the_true_trainer_reports_a_missing_base(trainer_job: TrainerJob):
    with pytest.raises(TrainingFailed) as caught:
        launch(trainer_job, silent)
    assert "BadBaseModel" in caught.value.problem
    assert caught.value.exit_code == 1


@pytest.mark.slow
def test_the_true_trainer_trains_the_shipped_base_and_goes_on_after_a_cancel(trainer_job: TrainerJob, tmp_path: Path):
    for file in trainer_job.training_set.pictures:
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((128, 128), 60).convert("RGB").save(file)
        file.with_suffix(".txt").write_text("a caption", encoding="utf-8")
    Image.new("RGB", (128, 192), (150, 120, 100)).save(tmp_path / "t.png")
    Image.new("L", (128, 192), 255).save(tmp_path / "m.png")
    trainer_job = replace(
        trainer_job,
        request=replace(trainer_job.request, resolution=128, save_steps=1, steps_per_photo=1, accumulation=1),
        base=Checkpoint("built-in", ModelFamily.BUILTIN, shipped_models() / "builtin" / "base"),
        templates=(ValidationInput(tmp_path / "t.png", tmp_path / "m.png"),),
        resume=True,
    )

    def cancel(step: Step) -> None:
        if step.done >= 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        launch(trainer_job, cancel)
    run = launch(trainer_job, silent)
    assert [one.step for one in run.checkpoints] == [1, 2, 3]
    assert [trial.step for trial in run.validation_images][-1] == 3
    assert [step for step, _ in run.losses] == [1, 2, 3]
    assert run.warnings == ()
    info = inspect(run.checkpoints[-1].file)
    assert (info.family, info.rank, info.modules) == (ModelFamily.BUILTIN, 8, 96)
    merge([(one.file, 1 / 3) for one in run.checkpoints], tmp_path / "merged.safetensors", "rank")
    assert inspect(tmp_path / "merged.safetensors").modules == 96


def test_the_trainer_does_not_outlive_its_parent(trainer_job: TrainerJob, tmp_path: Path):
    """A parent that is killed closes the trainer's standard input; that ends it."""
    file = tmp_path / "run.json"
    build_config(trainer_job).write(file)
    stuck = "import time, kohya_train.__main__ as m; m._run = lambda *a: time.sleep(60); m.main()"
    environment = {**os.environ, "PYTHONPATH": str(checkout())}
    code = f"""
import subprocess, time
command = {[sys.executable, "-c", stuck, str(file), STOP_WITH_PARENT]!r}
print(subprocess.Popen(command, stdin=subprocess.PIPE, env={environment!r}).pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    trainer = psutil.Process(int(parent.stdout.readline()))
    time.sleep(0.5)
    assert trainer.is_running()
    parent.kill()
    trainer.wait(timeout=3)
    parent.wait()
    parent.stdout.close()
