"""Several processes: `accelerate launch` starts this trainer once a process, and the first that failed says why."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kohya_train.contract import STOP_WITH_PARENT, Failed, TrainConfig, TrainerError, decode, encode, failed

if TYPE_CHECKING:
    from kohya_train.run import Report

_log = logging.getLogger(__name__)

FAILED = 1
_ERROR_FILE = "TORCHELASTIC_ERROR_FILE"
_TIME = "nanoseconds"


class WorkerDied(TrainerError):
    """A process of the group ended by itself."""


class NoBackend(TrainerError):
    """This torch has no way for GPUs to talk to each other, as on Windows."""


def rank() -> int:
    """The place of this process in its group, over all machines; 0 reports and writes the files."""
    return int(os.environ.get("RANK", "0"))


def group_size() -> int:
    """How many processes train together, over all machines."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def processes_to_start(config: TrainConfig) -> int:
    """How many the config asks for; 1 where a launcher has started this process as one of a group already."""
    return 1 if group_size() > 1 else config.processes or _gpus() or 1


def launch(file: Path, config: TrainConfig, report: Report, output: int) -> int:
    """Train as the configuration `file` says in a group of processes, whose first writes to descriptor `output`.

    The exit code. None of the group outlives this process: they read from a pipe that only it holds open.
    """
    from accelerate.commands.launch import launch_command, launch_command_parser
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    if missing := _missing_backend():
        report(failed("load", missing))
        return FAILED
    os.dup2(output, 1)
    source, kept_open = os.pipe()
    os.dup2(source, 0)
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)  # as a host's search path was set
    if not _gpus():
        os.environ["ACCELERATE_USE_CPU"] = "true"
    try:
        launch_command(launch_command_parser().parse_args(_arguments(file, config)))
    except ChildFailedError as problem:
        report(first_failure(problem.failures))
        return FAILED
    finally:
        os.close(kept_open)
    return 0


def _arguments(file: Path, config: TrainConfig) -> list[str]:
    """Of `accelerate launch`: all that a configuration of the user's for other programs could change is named."""
    count = processes_to_start(config)
    threads = config.threads or max(1, (os.cpu_count() or 1) // count)
    group = ["--multi_gpu", "--num_processes", str(count), "--num_machines", "1", "--machine_rank", "0"]
    place = ["--gpu_ids", "all", "--main_process_ip", "127.0.0.1", "--main_process_port", "0"]
    numbers = ["--mixed_precision", "no", "--dynamo_backend", "no", "--num_cpu_threads_per_process", str(threads)]
    return [*group, *place, *numbers, "-m", "kohya_train", str(file.resolve()), STOP_WITH_PARENT]


def note_failure(event: Failed) -> None:
    """Leave the failure where the group's launcher finds it; nothing without one."""
    if name := os.environ.get(_ERROR_FILE):
        now = time.time_ns()
        note = {"message": encode(event), "timestamp": now // 10**9, _TIME: now}
        Path(name).write_text(json.dumps(note), encoding="utf-8")


def first_failure(failures: dict[int, Any]) -> Failed:
    """Why a group has ended: the others only miss the one that went first. A killed one leaves no note: it was that."""
    first = min(failures.values(), key=lambda failure: failure.error_file_data.get(_TIME, 0))
    if _TIME not in first.error_file_data:
        return failed("train", WorkerDied("worker-died", code=first.exitcode))
    told = decode(first.message)
    assert isinstance(told, Failed)
    return told


def _missing_backend() -> NoBackend | None:
    import torch.distributed

    return NoBackend("no-nccl") if _gpus() and not torch.distributed.is_nccl_available() else None


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()
