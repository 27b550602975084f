"""LoRAs on models of ComfyUI's: patched clones, and the proof that every module has found its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from easyphoto.domain import LoraUse
from easyphoto.engines.model_probe import lora_modules
from easyphoto.errors import BadModel


def with_loras(model: Any, clip: Any, loras: Sequence[LoraUse]) -> tuple[Any, Any]:
    """Clones of ModelPatcher and CLIP with all of them, one after another. Raises BadModel."""
    for lora in loras:
        model, clip = with_lora(model, clip, lora.file, (lora.weight, lora.weight))
    return model, clip


def with_lora(model: Any, clip: Any, file: Path, strengths: tuple[float, float]) -> tuple[Any, Any]:
    """Clones with that LoRA at the strengths for model and text encoder.

    Raises BadModel where a module of the file has no place in them: ComfyUI only logs what does not fit.
    """
    import comfy.sd
    import comfy.utils

    modules = len(lora_modules(file))
    weights = comfy.utils.load_torch_file(str(file), safe_load=True)
    patched, encoder = comfy.sd.load_lora_for_models(model, clip, weights, *strengths)
    applied = _patches(patched) - _patches(model) + _patches(encoder.patcher) - _patches(clip.patcher)
    if applied < modules:
        raise BadModel("comfyui.lora-incomplete", stage="LoRA", applied=applied, modules=modules)
    return patched, encoder


def _patches(patcher: Any) -> int:
    return sum(len(of_layer) for of_layer in patcher.patches.values())
