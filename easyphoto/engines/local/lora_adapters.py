"""Puts LoRAs on a diffusers pipeline for the length of a `with`, and checks that every module found its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from easyphoto.domain import LoraUse
from easyphoto.engines.local.silence import silenced
from easyphoto.engines.model_probe import lora_modules
from easyphoto.errors import BadModel


@contextmanager
def applied(pipe: Any, loras: Sequence[LoraUse]) -> Iterator[dict[str, float]]:
    """Inside, the pipeline has `loras` at their weights, given by name; afterwards it has none.

    Raises BadModel naming the file that is damaged, of another family, or has a module the model has no place for.
    """
    if not loras:
        yield {}
        return
    try:
        names = [_load_adapter(pipe, index, lora) for index, lora in enumerate(loras)]
        pipe.set_adapters(names, [lora.weight for lora in loras])
        yield {name: lora.weight for name, lora in zip(names, loras, strict=True)}
    finally:
        pipe.unload_lora_weights()


def _load_adapter(pipe: Any, index: int, lora: LoraUse) -> str:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    name, wanted = f"lora_{index}", lora_modules(lora.file)
    try:
        with silenced():
            pipe.load_lora_weights(load_file(lora.file), adapter_name=name)
    except (ValueError, RuntimeError, KeyError, IndexError, AttributeError, SafetensorError) as problem:
        raise BadModel(
            "engine.lora-does-not-fit", stage="LoRA", file=str(lora.file), why=str(problem)[:200]
        ) from problem
    found = sum(_count(getattr(pipe, part, None), name) for part in ("unet", "text_encoder", "text_encoder_2"))
    if found != len(wanted):
        raise BadModel("engine.lora-incomplete", stage="LoRA", file=str(lora.file), applied=found, modules=len(wanted))
    return name


def _count(network: Any, adapter: str) -> int:
    """How many layers of the network have that adapter."""
    if network is None:
        return 0
    return sum(1 for layer in network.modules() if adapter in getattr(layer, "lora_A", {}))
