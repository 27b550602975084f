"""What a LoRA file in kohya's format is, from its header alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from easyphoto.domain import ModelFamily
from easyphoto.errors import BadModel
from easyphoto.families import specs
from easyphoto.tensor_file import Header, read_header

DOWN, UP, ALPHA = ".lora_down.weight", ".lora_up.weight", ".alpha"


@dataclass(frozen=True)
class LoraInfo:
    """What a LoRA file's header tells."""

    file: Path
    family: ModelFamily | None  # None: of some other family
    rank: int  # the largest of its modules
    modules: int
    metadata: Mapping[str, str]


def inspect(file: Path) -> LoraInfo:
    """Family, rank and module count; reads the header only. Raises BadModel when it is no kohya LoRA."""
    header = read_header(file)
    modules = modules_of(header)
    rank = max(header.shapes[name + DOWN][0] for name in modules)
    return LoraInfo(file, family_of(header), rank, len(modules), header.metadata)


def family_of(header: Header) -> ModelFamily | None:
    """By metadata, else by the width of the cross attention; None when it is of no family we know."""
    version = header.metadata.get("ss_base_model_version", "")
    for spec in specs():
        if version.startswith(spec.lora.versions):
            return spec.id
    widths = {spec.lora.cross_attention: spec.id for spec in specs() if spec.lora.cross_attention}
    for name, shape in header.shapes.items():
        if name.endswith("_attn2_to_k" + DOWN):
            return widths.get(shape[1])
    return None


def modules_of(header: Header) -> list[str]:
    """Names of its complete modules, sorted. Raises BadModel."""
    names = sorted(key.removesuffix(DOWN) for key in header.shapes if key.endswith(DOWN))
    if not names or not all(re.match(r"lora_(te\d?|unet)_", name) for name in names):
        raise BadModel("lora.not-kohya", stage="lora", file=str(header.file))
    for name in names:
        down, up = header.shapes[name + DOWN], header.shapes.get(name + UP)
        fits = up is not None and len(down) in (2, 4) and len(up) == len(down)
        if up is None or not fits or up[1] != down[0] or set(up[2:]) - {1} or 0 in down:
            raise BadModel("lora.malformed-module", stage="lora", file=str(header.file), module=name)
    return names
