"""Whether a batch fits into memory: estimated from the activations of one picture, and met again when it runs out."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from kohya_train.contract import TrainerError
from kohya_train.models import checkpoint_activations
from kohya_train.run import TrainerRun

SHARE = 0.85
"""Of the free memory that activations may take: gradients, the optimizer and other programs need the rest."""
_FULL = re.compile(r"out of memory|DefaultCPUAllocator|can't allocate memory|bad_alloc", re.IGNORECASE)


def is_out_of_memory(problem: BaseException) -> bool:
    """Whatever the device calls it."""
    return isinstance(problem, MemoryError) or _FULL.search(str(problem)) is not None


def release(device: torch.device) -> None:
    """Give back what nobody holds any more."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def smaller(run: TrainerRun) -> TrainerError | None:
    """Change the plan so that a step takes less memory: twice as many parts, at last checkpointing; what to say.

    None: it is as small as can be.
    """
    plan = run.plan
    if plan.parts < run.config.batch_size:
        plan.parts = min(2 * plan.parts, run.config.batch_size)
        return TrainerError("batch-in-parts", parts=plan.parts)
    if not plan.checkpointing:
        plan.checkpointing = True
        checkpoint_activations(run.bundle)
        return TrainerError("checkpointing-turned-on")
    return None


def fit(run: TrainerRun, per_picture: int, free: int) -> list[TrainerError]:
    """Make the plan as small as `free` bytes ask for, at `per_picture` bytes of activations a picture; what to say."""
    said: list[TrainerError] = []
    while _needed(run, per_picture) > SHARE * free and (problem := smaller(run)) is not None:
        said.append(problem)
    return said[-1:]


def _needed(run: TrainerRun, per_picture: int) -> float:
    if run.plan.checkpointing:
        return 0.0  # nothing smaller is left
    return per_picture * -(-run.config.batch_size // run.plan.parts)


def free_memory(device: torch.device) -> int:
    """Bytes that a program may still take there; on the CPU within the container's limit as psutil sees it."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


def activation_bytes(forward: Callable[[], Tensor], weights: Iterable[Tensor] = ()) -> int:
    """Bytes that autograd keeps for the backward pass of `forward`; storage that it keeps twice counts once.

    `weights`, frozen ones, are kept too but are there already, so only what the pass itself has made counts.
    """
    there = {weight.untyped_storage()._cdata for weight in weights}
    seen: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        if tensor.grad_fn is not None or not tensor.requires_grad:
            storage = tensor.untyped_storage()
            if storage._cdata not in there:  # data_ptr is nothing for tensors without contents
                seen[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        answer = forward()
    total = sum(seen.values())
    del answer
    return total
