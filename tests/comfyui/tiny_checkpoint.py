"""A checkpoint that ComfyUI takes for SD 1.5, with a U-Net of one level and random weights.

    PYTHON-OF-COMFYUI tests/comfyui/tiny_checkpoint.py FOLDER-OF-COMFYUI FILE

Run by ComfyUI's Python, since its own classes say how weights are called. What it paints is noise.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

UNET = {
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": 320,
    "num_res_blocks": [1],
    "channel_mult": [1],
    "transformer_depth": [1],
    "transformer_depth_output": [1, 1],
    "transformer_depth_middle": 1,
    "num_heads": 8,
    "use_spatial_transformer": True,
    "context_dim": 768,
}
VAE = {"double_z": True, "z_channels": 4, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 128}
VAE_LEVELS = {"ch_mult": [1, 2, 4, 4], "num_res_blocks": 2, "attn_resolutions": [], "dropout": 0.0}


def weights() -> dict[str, Any]:
    """Names as in a checkpoint file -> tensors of half precision."""
    import comfy.ops
    import torch
    from comfy.ldm.models.autoencoder import AutoencoderKL
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
    from comfy.sd1_clip import SDClipModel

    torch.manual_seed(0)
    unet = UNetModel(**UNET, operations=comfy.ops.manual_cast, dtype=torch.float32)
    vae = AutoencoderKL(embed_dim=4, ddconfig={**VAE, **VAE_LEVELS})
    clip = SDClipModel(device="cpu", dtype=torch.float32)
    parts = {"model.diffusion_model.": unet, "first_stage_model.": vae, "cond_stage_model.": clip}
    found = {prefix + name: value for prefix, part in parts.items() for name, value in part.state_dict().items()}
    return {name: _random(value) for name, value in found.items() if "logit_scale" not in name and "projection" not in name}


def _random(value: Any) -> Any:
    """Scales of norms are 1; everything else is as small as training would begin with."""
    import torch

    if value.ndim == 1:
        return torch.ones_like(value).half() if value.numel() else value
    return (torch.randn_like(value.float()) / max(1, value[0].numel()) ** 0.5).half()


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    target = Path(sys.argv[2]).resolve()
    sys.argv = [sys.argv[0], "--cpu"]
    import comfy.options

    comfy.options.enable_args_parsing()  # else ComfyUI looks for a GPU
    from safetensors.torch import save_file

    save_file(weights(), str(target))
