"""What a training shows besides its events: TensorBoard's files where they are asked for."""

from __future__ import annotations

import time
from typing import Any

import torch
from typing_extensions import Self

from kohya_train.contract import Stepped, TrainerError
from kohya_train.run import TrainerRun

FOLDER = "logs"


class NoTensorBoard(TrainerError):
    """TensorBoard's package is not installed."""


class Sight:
    """Writes loss, learning rate, memory and pictures a second of every step. Raises NoTensorBoard."""

    def __init__(self, run: TrainerRun) -> None:
        self._run = run
        self._writer: Any = None
        if run.config.log_with == "tensorboard" and run.accelerator.is_main_process:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as problem:
                raise NoTensorBoard("no-tensorboard", why=str(problem)) from problem
            self._writer = SummaryWriter(str(run.folder / FOLDER))

    def note(self, done: Stepped) -> None:
        """One step's figures."""
        if self._writer is None:
            return
        config = self._run.config
        pictures = config.batch_size * config.accumulation * self._run.accelerator.num_processes
        figures = {
            "loss": done.loss,
            "learning_rate": done.lr,
            "pictures_per_second": pictures / max(done.seconds, 1e-6),
            "memory_mb": used_memory() / 2**20,
        }
        for name, value in figures.items():
            self._writer.add_scalar(f"train/{name}", value, done.step, walltime=time.time())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        if self._writer is not None:
            self._writer.close()


def used_memory() -> int:
    """Bytes that this process holds, on the GPU where it computes there."""
    if torch.cuda.is_available():
        return torch.cuda.memory_allocated()
    import psutil

    return int(psutil.Process().memory_info().rss)
