"""One training on several processes: the curve of one with as many passes, and an end that leaves nothing."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch
from running_trainer import start

from kohya_train import processes
from kohya_train.checkpoint import FolderNotShared, _has_state
from kohya_train.contract import Failed, Resumed, Stepped, TrainConfig, TrainerEvent, decode, encode, failed
from kohya_train.export import read_lora
from kohya_train.loop import train
from kohya_train.resume import fingerprint

Interruption = Callable[["subprocess.Popen[str]", list[psutil.Process]], None]


def curve(events: list[TrainerEvent]) -> list[tuple[int, float]]:
    return [(event.step, event.loss) for event in events if isinstance(event, Stepped)]


def interrupted(config: TrainConfig, folder: Path, step: int, end: Interruption) -> tuple[list[TrainerEvent], int]:
    """Do `end` to the running group after `step`; its events and exit code. Nothing of it lives afterwards."""
    events, group = [], []
    with start(config, folder) as process:
        assert process.stdout is not None
        for line in process.stdout:
            events.append(decode(line))
            if isinstance(events[-1], Stepped) and events[-1].step == step:
                group = psutil.Process(process.pid).children(recursive=True)
                assert {one.environ().get("RANK") for one in group} >= {"0", "1"}
                end(process, group)
        code = process.wait(timeout=20)
    assert psutil.wait_procs(group, timeout=5)[1] == []
    return events, code


def kill_a_worker(process: "subprocess.Popen[str]", group: list[psutil.Process]) -> None:
    next(one for one in group if one.environ().get("RANK") == "1").kill()


def cancel(process: "subprocess.Popen[str]", group: list[psutil.Process]) -> None:
    assert process.stdin is not None
    process.stdin.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="gloo on a shared runner")
def test_two_processes_learn_what_one_does_with_twice_the_passes(config: TrainConfig, tmp_path: Path):
    """A worker dies, the training is taken up again, and is canceled."""
    config = replace(config, steps=4, save_steps=2, batch_size=1, learning_rate=1e-2)
    one = replace(config, accumulation=2, output_folder=str(tmp_path / "one"))
    whole: list[TrainerEvent] = []
    train(one, whole.append)
    expected = [(step, pytest.approx(loss, rel=1e-4)) for step, loss in curve(whole)]
    two = replace(config, processes=2, steps=10_000, resume=True)

    events, code = interrupted(two, tmp_path, 3, kill_a_worker)
    failure = events[-1]
    assert isinstance(failure, Failed) and code == processes.FAILED
    assert (failure.code, failure.params) == ("worker-died", {"code": -9})
    assert curve(events)[:3] == expected[:3]

    events, code = interrupted(two, tmp_path, 5, cancel)  # its predecessor is saved
    assert code == 3
    assert isinstance(events[2], Resumed)
    assert curve(events)[:2] == expected[2:]
    ends = [read_lora(Path(done.output_folder) / "checkpoint-4.safetensors")[0] for done in (one, two)]
    for name, tensor in ends[0].items():
        torch.testing.assert_close(tensor, ends[1][name], rtol=1e-3, atol=1e-4)


def test_one_process_is_the_default_on_a_machine_of_four_gpus(config: TrainConfig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(processes, "_gpus", lambda: 4)
    assert processes.processes_to_start(config) == 1
    assert processes.processes_to_start(replace(config, processes=0)) == 4
    monkeypatch.setenv("WORLD_SIZE", "4")  # a launcher has started this one already
    assert processes.processes_to_start(replace(config, processes=0)) == 1


def test_several_gpus_without_nccl_are_refused_by_name(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(processes, "_gpus", lambda: 2)
    monkeypatch.setattr(torch.distributed, "is_nccl_available", lambda: False)
    told: list[TrainerEvent] = []
    assert processes.launch(tmp_path / "run.json", config, told.append, 1) == processes.FAILED
    assert [event.code for event in told if isinstance(event, Failed)] == ["no-nccl"]


def test_the_first_failure_of_a_group_is_the_one_that_is_told():
    def failure(why: str, nanoseconds: int) -> SimpleNamespace:
        line = encode(failed("train", RuntimeError(why)))
        return SimpleNamespace(exitcode=1, message=line, error_file_data={"nanoseconds": nanoseconds})

    group = {0: failure("connection closed by peer", 2), 1: failure("out of memory", 1)}
    assert processes.first_failure(group).message == "out of memory"
    killed = SimpleNamespace(exitcode=-9, message="Signal 9", error_file_data={})
    assert processes.first_failure(group | {2: killed}).params == {"code": -9}


def test_a_training_goes_on_with_other_processes_when_the_passes_make_up_for_them(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
):
    alone = fingerprint(replace(config, accumulation=4))
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert fingerprint(replace(config, accumulation=2, processes=2)) == alone
    assert fingerprint(replace(config, accumulation=4, processes=2)) != alone


def test_processes_that_see_different_folders_are_refused(config: TrainConfig, tmp_path: Path):
    accelerator = SimpleNamespace(device="cpu", reduce=lambda told, how: (told + 1) / 2)  # the other one has a state
    run = SimpleNamespace(config=replace(config, resume=True), folder=tmp_path, accelerator=accelerator)
    with pytest.raises(FolderNotShared):
        _has_state(run)  # type: ignore[arg-type]
