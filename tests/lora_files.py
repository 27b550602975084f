"""LoRA files in kohya's format, and other safetensors files, as tests need them on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

Modules = Mapping[str, tuple[Any, Any]]
"""(up, down) arrays of every module, in whatever precision the file shall have."""


def write_lora(file: Path, modules: Modules, alpha: float | None = None, **metadata: str) -> Path:
    """Every module gets the same `alpha`; without one the file has none."""
    tensors: dict[str, Any] = {}
    for name, (up, down) in modules.items():
        tensors[f"{name}.lora_down.weight"] = np.ascontiguousarray(down)
        tensors[f"{name}.lora_up.weight"] = np.ascontiguousarray(up)
        if alpha is not None:
            tensors[f"{name}.alpha"] = np.array(alpha, np.float32)
    return write_tensors(file, tensors, metadata)


def numbered_modules(count: int) -> Modules:
    """That many modules of one zero each."""
    zero = np.zeros((1, 1), np.float16)
    return {f"lora_unet_{number}": (zero, zero) for number in range(count)}


def write_zeros(file: Path, names: Iterable[str]) -> Path:
    """One zero of half precision under each name: for what is told apart by its names."""
    return write_tensors(file, {name: np.zeros(1, np.float16) for name in names}, {})


def write_tensors(file: Path, tensors: Mapping[str, Any], metadata: Mapping[str, str]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(dict(tensors), str(file), dict(metadata) or None)
    return file
