"""The trainer as a process: its configuration, its run, its failures, cancelling, silence."""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from PIL import Image

from easyphoto.domain import Checkpoint, LoraCheckpoint, ModelFamily, TrainRequest
from easyphoto.errors import MissingModel, TrainingFailed, TrainingInterrupted
from easyphoto.locales import text
from easyphoto.paths import shipped_models
from easyphoto.progress import Cancelled, Step, silent
from easyphoto.stages import Stage
from easyphoto.training import launch as module
from easyphoto.training.failure_causes import known_cause
from easyphoto.training.interpreter import own_python
from easyphoto.training.launch import TrainerJob, ValidationImage, build_config, launch
from kohya_train.contract import STOP_WITH_PARENT, TrainConfig

SAY = """
import json, os, subprocess, sys, time
def say(event, **values): print(json.dumps({"event": event, **values}), flush=True)
say("started", pid=os.getpid(), steps=6)
"""


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Puts a script in the trainer's place."""

    def put(code: str) -> None:
        script = tmp_path / "fake trainer.py"
        script.write_text(SAY + code, encoding="utf-8")
        monkeypatch.setattr(module, "command", lambda python, file: [sys.executable, str(script), str(file)])

    return put


def test_the_letter_tells_everything(trainer_job: TrainerJob):
    config = build_config(trainer_job)
    assert (config.family, config.steps, config.name, config.rank) == ("built-in", 6, "Łucja 爱", 8)
    assert config.config_folder == ""
    assert config.validation_images.prompt == "a caption"
    assert Path(config.validation_images.templates[0].picture).is_absolute()


def test_a_single_file_gets_its_architecture(trainer_job: TrainerJob, tmp_path: Path):
    (tmp_path / "sd.safetensors").write_bytes(b"")
    base = Checkpoint("sd", ModelFamily.SD15, tmp_path / "sd.safetensors")
    config = build_config(TrainerJob(trainer_job.training_set, trainer_job.request, base, trainer_job.folder))
    assert Path(config.config_folder) == shipped_models() / "configs" / "sd15"


def test_without_validation_there_are_no_trials(trainer_job: TrainerJob):
    request = TrainRequest(validation=False)
    assert build_config(
        TrainerJob(trainer_job.training_set, request, trainer_job.base, trainer_job.folder, trainer_job.templates)
    ).validation_images == (TrainConfig("sd15", "", "", "", 1).validation_images)


def test_a_base_without_file_is_refused(trainer_job: TrainerJob):
    with pytest.raises(MissingModel):
        build_config(
            TrainerJob(
                trainer_job.training_set, trainer_job.request, Checkpoint("x", ModelFamily.SD15), trainer_job.folder
            )
        )


def test_the_command_is_this_python_on_a_leash(tmp_path: Path):
    said = module.command(own_python(silent), tmp_path / "run.json")
    assert said[0] == sys.executable
    assert said[-2:] == [str(tmp_path / "run.json"), STOP_WITH_PARENT]


def test_a_good_run_comes_back_whole(trainer_job: TrainerJob, trainer, tmp_path: Path):
    picture = tmp_path / "trial.png"
    Image.new("RGB", (8, 6), (1, 2, 3)).save(picture)
    trainer(f"""
say("loaded", te_modules=1, unet_modules=2)
print("a library chats", flush=True)
for step in range(1, 7):
    say("step", step=step, total=6, loss=1 / step, lr=1e-4, seconds=0.1)
    if step % 3 == 0:
        say("checkpoint", step=step, file="c%d" % step)
        say("trial", step=step, template=0, file={str(picture)!r})
say("warning", message="mind the gap")
say("done", seconds=1.0)
""")
    heard: list[Step] = []
    run = launch(trainer_job, heard.append)
    assert run.checkpoints == (
        LoraCheckpoint(Path("c3"), ModelFamily.BUILTIN, 8, 3),
        LoraCheckpoint(Path("c6"), ModelFamily.BUILTIN, 8, 6),
    )
    assert run.validation_images == (ValidationImage(3, 0, picture), ValidationImage(6, 0, picture))
    assert run.losses[-1] == (6, pytest.approx(1 / 6))
    assert list(map(str, run.warnings)) == ["mind the gap"]
    for stage in (Stage.TRAIN, Stage.VALIDATION):
        done = [step.done for step in heard if step.stage is stage]
        assert done and done == sorted(done)
    assert (heard[-1].stage, heard[-1].done, heard[-1].total) == ("train", 6, 6)
    assert heard[-1].figures["loss"] == pytest.approx(1 / 6)
    assert [step.preview.size for step in heard if step.preview] == [(8, 6)] * 2
    assert TrainConfig.read(trainer_job.folder / "run.json") == build_config(trainer_job)


def test_a_resumed_run_brings_its_earlier_losses(trainer_job: TrainerJob, trainer):
    trainer("""
say("resumed", step=2, losses=[[1, 0.9], [2, 0.8]])
say("step", step=3, total=6, loss=0.7, lr=1e-4, seconds=0.1)
say("checkpoint", step=3, file="c3")
say("done", seconds=1.0)
""")
    assert launch(trainer_job, silent).losses == ((1, 0.9), (2, 0.8), (3, 0.7))


def test_a_failure_brings_stage_code_log_and_mend(trainer_job: TrainerJob, trainer):
    trainer("""
for number in range(60): print("line", number, file=sys.stderr)
say("failed", stage="load", message="no file at x", kind="BadBaseModel")
sys.exit(1)
""")
    with pytest.raises(TrainingFailed) as caught:
        launch(trainer_job, silent)
    failure = caught.value
    assert "'load'" in failure.problem
    assert "no file at x" in failure.problem
    assert (failure.exit_code, len(failure.last_lines), failure.last_lines[-1]) == (1, 40, "line 59")
    assert Path(failure.log).is_file()
    assert "base model" in failure.remedy


DEATH_AFTER_A_CHECKPOINT = """
say("step", step=3, total=6, loss=0.7, lr=1e-4, seconds=0.1)
say("checkpoint", step=3, file="c3")
print("RuntimeError: out of memory", file=sys.stderr, flush=True)
"""


@pytest.mark.parametrize("end", ["os._exit(7)", "os.kill(os.getpid(), 9)", "sys.exit(0)"])
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX")
def test_a_death_after_a_checkpoint_is_an_interruption(trainer_job: TrainerJob, trainer, end: str):
    trainer(DEATH_AFTER_A_CHECKPOINT + end)
    with pytest.raises(TrainingInterrupted) as caught:
        launch(trainer_job, silent)
    failure = caught.value
    assert "step 3 of 6" in failure.problem
    assert "exit code" in failure.problem
    assert "batch size" in failure.remedy and "goes on from there" in failure.remedy
    assert failure.exit_code in (7, -9, 0) and failure.last_lines


def test_a_failure_that_the_trainer_tells_after_a_checkpoint_is_an_interruption_too(trainer_job: TrainerJob, trainer):
    told = 'say("failed", stage="train", message="the loss is nan", kind="LossIsNotANumber"); sys.exit(1)'
    trainer(DEATH_AFTER_A_CHECKPOINT + told)
    with pytest.raises(TrainingInterrupted, match="the loss is nan"):
        launch(trainer_job, silent)


def test_a_full_disk_is_not_taken_for_a_damaged_model(trainer_job: TrainerJob, trainer):
    trainer("""
say("failed", stage="save", message="I/O error: No space left on device (os error 28)", kind="SafetensorError")
sys.exit(1)
""")
    with pytest.raises(TrainingFailed) as caught:
        launch(trainer_job, silent)
    assert "disk" in caught.value.remedy and "base model" not in caught.value.remedy


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX")
def test_being_killed_before_the_first_checkpoint_is_an_interruption(trainer_job: TrainerJob, trainer):
    trainer("os.kill(os.getpid(), 9)")
    with pytest.raises(TrainingInterrupted, match="step 0 of 6"):
        launch(trainer_job, silent)


def test_an_early_end_is_used_when_the_user_has_chosen_so(trainer_job: TrainerJob, trainer):
    trainer(DEATH_AFTER_A_CHECKPOINT + "os._exit(7)")
    run = launch(replace(trainer_job, request=replace(trainer_job.request, accept_early=True)), silent)
    assert [one.step for one in run.checkpoints] == [3]
    assert len(run.warnings) == 1
    assert "up to step 3 of 6" in str(run.warnings[0])
    assert "exit code 7" in str(run.warnings[0])
    assert "batch size" in str(run.warnings[0])


def test_an_end_without_done_is_a_failure_even_with_code_0(trainer_job: TrainerJob, trainer):
    trainer("")
    with pytest.raises(TrainingFailed):
        launch(trainer_job, silent)


@pytest.mark.parametrize("stubborn", [False, True], ids=["obedient", "ignores everything"])
def test_cancel_ends_the_whole_group_within_3_seconds(trainer_job: TrainerJob, trainer, tmp_path: Path, stubborn: bool):
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" if stubborn else ""
    trainer(f"""
{ignore}
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open({str(tmp_path / "pids")!r}, "w").write(json.dumps([os.getpid(), child.pid]))
say("checkpoint", step=3, file="c3")
time.sleep(60)
""")
    cancelled_at = 0.0

    def report(step: Step) -> None:
        nonlocal cancelled_at
        if (tmp_path / "pids").exists() and (tmp_path / "pids").read_text():
            cancelled_at = time.monotonic()
            raise Cancelled

    with pytest.raises(Cancelled):
        launch(trainer_job, report)
    assert time.monotonic() - cancelled_at < 3
    time.sleep(0.2)
    for pid in json.loads((tmp_path / "pids").read_text()):
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_silence_still_gives_signs_of_life(trainer_job: TrainerJob, trainer):
    trainer('time.sleep(1.8); say("checkpoint", step=3, file="c3"); say("done", seconds=1.0)')
    heard: list[Step] = []
    launch(trainer_job, heard.append)
    assert len(heard) >= 4


@pytest.mark.parametrize(
    ("code", "problem", "lines", "word"),
    [
        (1, "torch.cuda.OutOfMemoryError: CUDA out of memory", (), "batch size"),
        (-6, "ends", ("memory allocation of 1048576 bytes failed",), "batch size"),
        (1, "ends", ("OSError: [Errno 28] No space left on device",), "disk"),
        (1, "SafetensorError: I/O error: No space left on device (os error 28)", (), "disk"),
        (1, "PermissionError: [Errno 13] Permission denied: 'x'", (), "right"),
        (1, "OSError: [Errno 24] Too many open files: 'x'", (), "ulimit"),
        (1, "ends", ("ModuleNotFoundError: No module named 'peft'",), "Install"),
        (-9, "ends", (), "memory"),
        (5, "ends", (), "log"),
    ],
)
def test_known_causes_are_named(code: int, problem: str, lines: tuple[str, ...], word: str):
    assert word in text(known_cause(code, problem, lines))
