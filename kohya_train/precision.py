"""Device and arithmetic: which precision, and what accelerate is told."""

from __future__ import annotations

import torch
from accelerate import Accelerator

from kohya_train.contract import TrainerError

AMPERE = 8
"""NVIDIA's first compute capability with bf16 arithmetic."""


class NoSuchPrecision(TrainerError):
    """The precision asked for does not run on this device."""


def accelerator_for(precision: str) -> Accelerator:
    """An Accelerator for this process. `precision` is auto, fp32, fp16 or bf16. Raises NoSuchPrecision."""
    chosen = _auto() if precision == "auto" else precision
    if chosen == "fp16" and not torch.cuda.is_available():
        raise NoSuchPrecision("fp16-without-cuda")
    return Accelerator(mixed_precision={"fp32": "no"}.get(chosen, chosen))


def _auto() -> str:
    if torch.cuda.is_available():
        return "bf16" if _computes_bf16() else "fp16"
    return "fp32"


def _computes_bf16() -> bool:
    """Whether the GPU itself does: torch also says yes where it emulates, many times slower than fp16."""
    if torch.version.hip is not None:
        return bool(torch.cuda.is_bf16_supported())
    major, _ = torch.cuda.get_device_capability()
    return bool(major >= AMPERE)


def weight_dtype(accelerator: Accelerator) -> torch.dtype:
    """In what the frozen weights lie."""
    return {"fp16": torch.float16, "bf16": torch.bfloat16}.get(str(accelerator.mixed_precision), torch.float32)
