"""An autoencoder from a file of its own, in place of the one inside a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from easyphoto.engines.local.loading import complete, load_options
from easyphoto.engines.local.pipelines import DevicePlacement
from easyphoto.engines.vae_files import has_diffusers_layout
from easyphoto.errors import BadModel
from easyphoto.system_errors import shortage_of


def open_vae(entry: Path, config: Path, placing: DevicePlacement) -> Any:
    """A VAE from a file in either layout, or from a diffusers folder, on the CPU; `config` is the family's folder.

    Raises BadModel for a file that lacks weights or has others.
    """
    from diffusers import AutoencoderKL

    options = load_options(placing)
    try:
        if entry.is_dir():
            return complete(AutoencoderKL.from_pretrained(entry, use_safetensors=True, **options))
        if has_diffusers_layout(entry):
            return _from_diffusers_file(entry, config, placing)
        return complete(AutoencoderKL.from_single_file(str(entry), config=str(config), subfolder="vae", **options))
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError) as problem:
        bad = BadModel("engine.vae-not-loaded", stage="model", file=str(entry), why=str(problem)[:300])
        raise shortage_of(problem) or bad from problem


def _from_diffusers_file(entry: Path, config: Path, placing: DevicePlacement) -> Any:
    from diffusers import AutoencoderKL
    from safetensors.torch import load_file

    vae = AutoencoderKL.from_config(json.loads((config / "vae" / "config.json").read_text(encoding="utf-8")))
    vae.load_state_dict(load_file(entry))
    return vae.to(placing.dtype).eval()
