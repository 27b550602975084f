"""Autoencoders (VAEs) that stand in for a checkpoint's own: files and diffusers folders, told by header and config."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from easyphoto.errors import BadModel, NoStorage
from easyphoto.tensor_file import read_header

IN_CHECKPOINT = "first_stage_model."
"""Prefix of an autoencoder's tensors in checkpoints, which some files of a VAE alone have kept."""

_LATENT_CHANNELS = 4
_IN = "decoder.conv_in.weight"  # in the original layout and in diffusers'
_OF_DIFFUSERS = "decoder.mid_block.resnets.0.conv1.weight"

_log = logging.getLogger(__name__)


def find_vaes(folder: Path) -> dict[str, Path]:
    """Name -> VAE of Stable Diffusion in `folder`, by name; unreadable files are logged and left out.

    SD 1.5's and SDXL's have one architecture: which of the two a VAE is for, its file does not tell.
    """
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    return {_name(entry): entry for entry in entries if _is_vae(entry)}


def _name(entry: Path) -> str:
    return entry.name if entry.is_dir() else entry.stem


def _is_vae(entry: Path) -> bool:
    try:
        if entry.is_dir():
            return _is_folder(entry)
        return entry.suffix == ".safetensors" and _is_file(entry)
    except (BadModel, NoStorage, OSError, ValueError) as problem:
        _log.warning("left out of the list of VAEs: %s", problem)
        return False


def _is_folder(folder: Path) -> bool:
    config = folder / "config.json"
    known = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
    return known.get("_class_name") == "AutoencoderKL" and known.get("latent_channels") == _LATENT_CHANNELS


def _is_file(file: Path) -> bool:
    shapes = read_header(file).shapes
    if any(name.startswith("model.diffusion_model.") for name in shapes):
        return False
    shape = shapes.get(_IN) or shapes.get(IN_CHECKPOINT + _IN) or ()
    return len(shape) == 4 and shape[1] == _LATENT_CHANNELS


def has_diffusers_layout(file: Path) -> bool:
    """Whether the file's names are diffusers' own, not the original ones. Raises BadModel."""
    return _OF_DIFFUSERS in read_header(file).shapes
