"""Device and arithmetic: which precision and why, and what accelerate is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from builtin_model.processor import bf16_probe
from kohya_train.contract import TrainConfig, TrainerError

AMPERE = 8
"""NVIDIA's first compute capability with bf16 arithmetic."""


class NoSuchPrecision(TrainerError):
    """The precision asked for does not run on this device."""


@dataclass(frozen=True)
class Precision:
    """What is computed in, and the reason as a code of `trainer.precision.` with its parameters."""

    name: str  # fp32, fp16 or bf16
    why: str
    params: dict[str, Any] = field(default_factory=dict)


def choose(config: TrainConfig, before: str = "") -> Precision:
    """The precision of a run; `before` is that of the run it resumes. Raises NoSuchPrecision."""
    if config.precision != "auto":
        chosen = Precision(config.precision, "asked")
    elif before:
        chosen = Precision(before, "resumed")
    elif config.exact:
        chosen = Precision("fp32", "exact")
    else:
        chosen = _gpu() if torch.cuda.is_available() else _processor(config.machine)
    if chosen.name == "fp16" and not torch.cuda.is_available():
        raise NoSuchPrecision("fp16-without-cuda")
    return chosen


def accelerator_for(precision: Precision) -> Accelerator:
    """An Accelerator for this process."""
    return Accelerator(mixed_precision={"fp32": "no"}.get(precision.name, precision.name))


def _gpu() -> Precision:
    return Precision("bf16", "gpu-bf16") if _computes_bf16() else Precision("fp16", "gpu-fp16")


def _processor(folder: Path) -> Precision:
    probe = bf16_probe(folder)
    measured = {"times": round(probe.gain, 1)}
    return Precision("bf16", "faster", measured) if probe.faster else Precision("fp32", "not-faster", measured)


def _computes_bf16() -> bool:
    """Whether the GPU itself does: torch also says yes where it emulates, many times slower than fp16."""
    if torch.version.hip is not None:
        return bool(torch.cuda.is_bf16_supported())
    major, _ = torch.cuda.get_device_capability()
    return bool(major >= AMPERE)


def weight_dtype(accelerator: Accelerator) -> torch.dtype:
    """In what the frozen weights lie."""
    return {"fp16": torch.float16, "bf16": torch.bfloat16}.get(str(accelerator.mixed_precision), torch.float32)


def allow_speed(exact: bool) -> None:
    """On NVIDIA cards: TF32 products and the quickest convolution by trial, unless the same bytes are asked for."""
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("highest" if exact else "high")
        torch.backends.cudnn.benchmark = not exact
