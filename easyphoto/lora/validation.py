"""A LoRA file from elsewhere, checked whole: names, kinds and values of every tensor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from easyphoto.errors import BadModel
from easyphoto.lora.inspection import ALPHA, DOWN, UP, LoraInfo, inspect, modules_of
from easyphoto.tensor_file import TensorFile

MOST_MODULES, HIGHEST_RANK = 5_000, 1_024
HIGHEST_WEIGHT = 1_000.0
"""A hundred times what trainings give; beyond it pictures become noise, or black in half precision."""
HIGHEST_ALPHA = 100_000.0

_MODULE = re.compile(r"lora_(te\d?|unet)_[A-Za-z0-9_]{1,200}")


def check_whole(file: Path) -> LoraInfo:
    """What it is, after every tensor was read. Raises BadModel for foreign tensors, NaN or huge weights."""
    opened, info = TensorFile(file), inspect(file)
    modules = modules_of(opened.header)
    if len(modules) > MOST_MODULES or info.rank > HIGHEST_RANK:
        raise _bad(file, "lora.too-many-modules", count=len(modules), rank=info.rank)
    if strange := [name for name in modules if not _MODULE.fullmatch(name)]:
        raise _bad(file, "lora.foreign-tensor", name=ascii(strange[0][:80]))
    known = {module + end for module in modules for end in (DOWN, UP, ALPHA)}
    if foreign := sorted(set(opened.header.shapes) - known):
        raise _bad(file, "lora.foreign-tensor", name=ascii(foreign[0][:80]))
    for name in opened.header.shapes:
        _check_values(opened, name)
    return info


def _check_values(opened: TensorFile, name: str) -> None:
    values = opened.read(name)  # float32 and finite
    most = HIGHEST_ALPHA if name.endswith(ALPHA) else HIGHEST_WEIGHT
    if values.size and float(np.abs(values).max()) > most:
        raise _bad(opened.header.file, "lora.huge-weights", name=name)
    if name.endswith(ALPHA) and values.size != 1:
        raise _bad(opened.header.file, "lora.foreign-tensor", name=name)


def _bad(file: Path, code: str, /, **params: Any) -> BadModel:
    return BadModel(code, stage="lora", file=file.name, **params)
