"""What a model file is, told from the names in its header: family of checkpoints and ControlNets, modules of a LoRA.

Only safetensors headers and JSON configs are read here, never weights, so that listing a folder of
many gigabytes costs milliseconds.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

from easyphoto.domain import Checkpoint, HintKind, ModelFamily
from easyphoto.engines.controlnet_catalog import place
from easyphoto.errors import BadModel, NoStorage
from easyphoto.families import specs
from easyphoto.families.base import FamilySpec, Probe
from easyphoto.tensor_file import read_header

_CHANNELS = (4, 9)  # of U-Nets: text to image, inpainting
_HINT = re.compile(r"(^|\.)input_hint_block\.|^controlnet_cond_embedding\.")
_NO_CONTROLNET = {"difference", "lora_controlnet"}  # a difference to a checkpoint, or low-rank: not weights of its own

_log = logging.getLogger(__name__)


def family_of_file(file: Path) -> ModelFamily | None:
    """The family of a single-file checkpoint; None for a LoRA, a VAE, SD 2 or anything else."""
    names = read_header(file).shapes
    if not any(name.startswith("model.diffusion_model.") for name in names):
        return None
    return next((spec.id for spec, probe in _probes() if probe.is_checkpoint(names)), None)


def _probes() -> list[tuple[FamilySpec, Probe]]:
    """Of the families foreign files may be of."""
    return [(spec, spec.probe) for spec in specs() if spec.probe is not None]


def family_of_folder(folder: Path) -> ModelFamily | None:
    """The family of a diffusers folder; None for other pipelines."""
    try:
        index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
        unet = json.loads((folder / "unet" / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not str(index.get("_class_name", "")).startswith("StableDiffusion"):
        return None
    if unet.get("in_channels", 4) not in _CHANNELS:  # 8: of instruct-pix2pix
        return None
    return next((spec.id for spec, probe in _probes() if probe.is_folder(index, unet)), None)


def find_checkpoints(folder: Path) -> list[Checkpoint]:
    """Checkpoints at any depth of `folder`, by name; unreadable files are logged and left out."""
    return sorted(_checkpoints(folder, ""), key=lambda found: found.name)


def _checkpoints(folder: Path, prefix: str) -> Iterator[Checkpoint]:
    for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
        if entry.is_dir() and (entry / "model_index.json").is_file():
            family, name = family_of_folder(entry), prefix + entry.name
        elif entry.is_dir():
            yield from _checkpoints(entry, f"{prefix}{entry.name}/")
            continue
        elif entry.suffix == ".safetensors":
            family, name = family_or_none(entry), prefix + entry.stem
        else:
            continue
        if family:
            yield Checkpoint(name, family, entry)


def family_or_none(file: Path) -> ModelFamily | None:
    """As `family_of_file`; files that cannot be read are logged and have none."""
    try:
        return family_of_file(file)
    except (BadModel, NoStorage, OSError) as problem:
        _log.warning("left out of the list of checkpoints: %s", problem)
        return None


def find_controls(folder: Path, family: ModelFamily) -> dict[HintKind, Path]:
    """ControlNets of a family in `folder` (files or diffusers folders): of each kind the best known, then by name."""
    best: dict[HintKind, tuple[int, Path]] = {}
    for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
        places = {kind: at for kind in HintKind if (at := place(entry.stem, kind, family)) is not None}
        if places and family_of_control(entry) is family:
            for kind, at in places.items():
                best[kind] = min(best.get(kind, (at, entry)), (at, entry))
    return {kind: entry for kind, (_, entry) in best.items()}


def family_of_control(entry: Path) -> ModelFamily | None:
    """The family of a ControlNet file or diffusers folder; None where it is no ControlNet."""
    if entry.is_dir():
        return _family_of_control_folder(entry)
    if entry.suffix != ".safetensors":
        return None
    try:
        shapes = read_header(entry).shapes
    except (BadModel, NoStorage, OSError) as problem:
        _log.warning("left out of the list of ControlNets: %s", problem)
        return None
    if not any(_HINT.search(name) for name in shapes) or _NO_CONTROLNET & shapes.keys():
        return None
    return next((spec.id for spec, probe in _probes() if probe.is_control(shapes)), None)


def _family_of_control_folder(folder: Path) -> ModelFamily | None:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if config.get("_class_name") != "ControlNetModel":
        return None
    return next((spec.id for spec, probe in _probes() if probe.is_control_folder(config)), None)


def lora_modules(file: Path) -> set[str]:
    """Names of the modules a LoRA file changes, in kohya's or peft's naming. Raises BadModel where there are none."""
    if file.suffix != ".safetensors":
        raise BadModel("engine.lora-no-safetensors", stage="LoRA", file=str(file))
    ends = (".lora_down.weight", ".lora_A.weight")
    names = {name.removesuffix(end) for name in read_header(file).shapes for end in ends if name.endswith(end)}
    if not names:
        raise BadModel("engine.lora-empty", stage="LoRA", file=str(file))
    return names
