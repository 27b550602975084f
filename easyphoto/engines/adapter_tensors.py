"""The tensors of identity adapters' files: safetensors, or what torch saved, of which nothing is run."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from easyphoto.errors import BadModel
from easyphoto.locales import message
from easyphoto.system_errors import shortage_of
from easyphoto.tensor_file import read_header

PARTS = ("image_proj", "ip_adapter")
"""The layers that make tokens of a face, and those of the U-Net's cross-attentions."""
ENDINGS = (".safetensors", ".bin")


def adapter_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Full name -> shape, without reading any weights. Raises BadModel."""
    if file.suffix == ".safetensors":
        return dict(read_header(file).shapes)
    return {name: tuple(tensor.shape) for name, tensor in _saved(file).items()}


def adapter_tensors(file: Path) -> dict[str, dict[str, Any]]:
    """Part -> name within it -> tensor on the CPU. Raises BadModel, SafetensorError."""
    from safetensors.torch import load_file

    parts: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
    for name, tensor in (load_file(file) if file.suffix == ".safetensors" else _saved(file)).items():
        part, _, rest = name.partition(".")
        if part in parts:
            parts[part][rest] = tensor
    return parts


def _saved(file: Path) -> dict[str, Any]:
    """Of a file that torch saved, mapped into memory where its format allows. Raises BadModel."""
    import torch

    try:
        loaded = torch.load(str(file), map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file))
    except (RuntimeError, ValueError, KeyError, EOFError, OSError, pickle.UnpicklingError, zipfile.BadZipFile) as fault:
        reason = message("plain", text=str(fault)[:200])
        damaged = BadModel("model-file.unsound", stage="model file", file=str(file), why=reason)
        raise shortage_of(fault) or damaged from fault
    return dict(_flat(loaded, ""))


def _flat(table: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    import torch

    for name, value in table.items() if isinstance(table, Mapping) else ():
        if isinstance(value, torch.Tensor):
            yield f"{prefix}{name}", value
        else:
            yield from _flat(value, f"{prefix}{name}.")
