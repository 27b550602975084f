"""Where a pipeline's networks lie while it works: on the device, or brought there part by part when memory is short."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from easyphoto.system_errors import shortage_of

Offload = Callable[[Any, str], None]
"""Puts a diffusers pipeline to work on a device; networks that are brought there later wait on the CPU."""

_MARGIN = 1.3
"""Free memory over the weights' own size that working on the device needs."""


def _whole(pipe: Any, device: str) -> None:
    pipe.to(device)


def _by_network(pipe: Any, device: str) -> None:
    pipe.vae.enable_tiling()
    pipe.enable_model_cpu_offload(device=device)


def _by_layer(pipe: Any, device: str) -> None:
    pipe.vae.enable_tiling()
    pipe.enable_sequential_cpu_offload(device=device)


def _in_slices(pipe: Any, device: str) -> None:
    pipe.to(device)
    pipe.vae.enable_tiling()
    pipe.enable_attention_slicing()  # instead of torch's fused attention, which needs less where it is whole


def _in_tiles(pipe: Any, device: str) -> None:
    pipe.to(device)
    pipe.vae.enable_tiling()


OFFLOADS: dict[str, Sequence[Offload]] = {
    "cuda": (_whole, _by_network, _by_layer),
    "xpu": (_whole, _by_network, _by_layer),
    "mps": (_whole, _in_slices),
    "cpu": (_whole, _in_tiles),
}
"""Kind of device -> its ways to work, the fastest first, each with less memory than the one before."""


def offloads_of(device: str) -> Sequence[Offload]:
    """The ways of the device ("cuda:1" is of the kind "cuda")."""
    return OFFLOADS.get(device.split(":")[0], OFFLOADS["cpu"])


def first_offload(pipe: Any, device: str) -> int:
    """The place in `offloads_of` to start at, by the device's free memory and the size of the weights.

    All of them at once, else one network at a time where the largest fits, else layer by layer.
    """
    import torch

    if not device.startswith("cuda"):
        return 0
    free, _ = torch.cuda.mem_get_info(torch.device(device))
    sizes = _bytes(pipe)
    return next((place for place, needed in enumerate((sum(sizes), max(sizes))) if free >= _MARGIN * needed), 2)


def _bytes(pipe: Any) -> list[int]:
    """Of the weights of each network."""
    networks = [part for part in pipe.components.values() if hasattr(part, "parameters")]
    return [sum(weight.numel() * weight.element_size() for weight in one.parameters()) for one in networks]


@contextmanager
def placed(pipe: Any, device: str, offload: int) -> Iterator[None]:
    """Inside, the pipeline works on the device in the way at that place; afterwards none of its networks has a hook.

    Hooks must go, since the next pass has another pipeline of the same networks: what a hook has taken the weights
    from cannot be moved by anybody else.
    """
    offloads_of(device)[offload](pipe, device)
    try:
        yield
    finally:
        _remove_hooks(pipe)


def _remove_hooks(pipe: Any) -> None:
    """Of all its networks, and of the ControlNets inside the one that holds several, which diffusers leaves out."""
    import torch
    from accelerate.hooks import remove_hook_from_module

    for part in pipe.components.values():
        if isinstance(part, torch.nn.Module):
            remove_hook_from_module(part, recurse=True)
    pipe._all_hooks = []


def is_out_of_memory(problem: BaseException) -> bool:
    """Whether memory ran out, on the device or on the CPU."""
    refusal = shortage_of(problem)
    return refusal is not None and refusal.code == "system.out-of-memory"


def empty_cache(device: str) -> None:
    """Give freed memory back to the device."""
    import gc

    import torch

    gc.collect()
    if device.startswith("cuda") and torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()
