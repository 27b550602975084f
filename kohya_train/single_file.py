"""What a single-file checkpoint says about itself beside its weights: its objective, and how old its names are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from kohya_train.checkpoint_architecture import OLD_TEXT, NotForTraining, new_name

_EDM = ("edm_mean", "edm_vpred.sigma_max")


def objective_of(file: Path) -> dict[str, Any]:
    """What the scheduler is told, by tensors whose names are marks. Raises NotForTraining for EDM's noise."""
    names = _names(file)
    if names & {*_EDM}:
        raise NotForTraining("edm-checkpoint")
    told: dict[str, Any] = {"prediction_type": "v_prediction"} if "v_pred" in names else {}
    return {**told, "rescale_betas_zero_snr": True} if "ztsnr" in names else told


def old_text_encoder(file: Path, folder: Path, dtype: torch.dtype) -> Any | None:
    """The text encoder of a file whose names lack the level `text_model`; None where they do not.

    Raises RuntimeError when weights are missing.
    """
    names = [name for name in _names(file) if name != new_name(name)]
    if not names:
        return None
    from transformers import CLIPTextConfig, CLIPTextModel

    encoder = CLIPTextModel(CLIPTextConfig.from_pretrained(folder / "text_encoder", local_files_only=True)).eval()
    level = "text_model." if any(name.startswith("text_model.") for name in encoder.state_dict()) else ""
    with safe_open(str(file), framework="pt") as opened:
        tensors = {f"{level}{name.removeprefix(OLD_TEXT)}": opened.get_tensor(name) for name in names}
    tensors.pop(f"{level}embeddings.position_ids", None)
    encoder.load_state_dict(tensors)
    return encoder.to(dtype)


def _names(file: Path) -> set[str]:
    with safe_open(str(file), framework="pt") as opened:
        return set(opened.keys())
