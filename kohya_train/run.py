"""What a training holds while it runs, and the stage a failure is told with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from kohya_train.contract import TrainConfig, TrainerEvent
from kohya_train.ema import WeightAverage
from kohya_train.examples import Example
from kohya_train.latents import LatentStore
from kohya_train.models import Bundle
from kohya_train.network import Network
from kohya_train.optimizers import averaged

Report = Callable[[TrainerEvent], None]
Text = tuple[torch.Tensor, torch.Tensor | None]
"""Cross-attention states, and SDXL's pooled ones."""


class StageError(Exception):
    """Names the stage in which `__cause__` ended the run."""

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage


@contextmanager
def stage(name: str) -> Iterator[None]:
    """What is raised inside leaves as StageError(name)."""
    try:
        yield
    except StageError:
        raise
    except Exception as problem:
        raise StageError(name) from problem


@dataclass
class ForwardPlan:
    """How a batch goes through the network; chosen at the start, kept in the resume file."""

    parts: int = 1  # a batch is computed in so many parts, one after the other, to fit into memory
    checkpointing: bool = False  # activations are computed again in the backward pass
    folded: tuple[str, ...] = ()  # modules whose LoRA is computed folded into the layer


@dataclass(frozen=True, eq=False)
class TrainerRun:
    """All that a step needs."""

    config: TrainConfig
    accelerator: Accelerator
    bundle: Bundle
    network: Network
    optimizer: Any  # accelerate's wrapper of the optimizer
    latents: LatentStore
    texts: dict[str, Text]  # encoded captions when the text encoder is frozen, else empty
    examples: tuple[Example, ...]
    report: Report
    plan: ForwardPlan = field(default_factory=ForwardPlan)
    ema: WeightAverage | None = None
    started: float = field(default_factory=time.time)

    @property
    def folder(self) -> Path:
        """Where checkpoints, validation images and the resume file go."""
        return Path(self.config.output_folder)

    @contextmanager
    def published(self) -> Iterator[None]:
        """Inside it the weights are those that files and validation images get: the optimizer's or the EMA's means."""
        with averaged(self.optimizer.optimizer), self.ema.applied() if self.ema else nullcontext():
            yield
