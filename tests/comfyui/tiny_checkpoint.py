"""A checkpoint, a ControlNet and a VAE that ComfyUI takes for SD 1.5: thin, attending on one level only, random.

    PYTHON-OF-COMFYUI tests/comfyui/tiny_checkpoint.py FOLDER-OF-COMFYUI FOLDER-OF-MODELS

Run by ComfyUI's Python, since its own classes say how weights are called. What they paint is noise.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

NET = {
    "image_size": 32,
    "in_channels": 4,
    "model_channels": 320,
    "num_res_blocks": [1, 1, 1, 1],
    "channel_mult": [1, 1, 1, 1],
    "transformer_depth": [0, 0, 0, 1],
    "transformer_depth_middle": 1,
    "num_heads": 8,
    "use_spatial_transformer": True,
    "context_dim": 768,
}
UNET = {**NET, "out_channels": 4, "transformer_depth_output": [0, 0, 0, 0, 0, 0, 1, 1]}
LEFT_OUT = ("logit_scale", "text_projection")
"""Names that checkpoints of SD 1.5 have not."""


def checkpoint() -> dict[str, Any]:
    """Names as in the file -> tensors of half precision; without a VAE, since a whole one takes minutes on a CPU."""
    import comfy.ops
    import torch
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
    from comfy.sd1_clip import SDClipModel

    parts = {
        "model.diffusion_model.": UNetModel(**UNET, operations=comfy.ops.manual_cast, dtype=torch.float32),
        "cond_stage_model.": SDClipModel(device="cpu", dtype=torch.float32),
    }
    return {
        prefix + name: _random(value)
        for prefix, part in parts.items()
        for name, value in part.state_dict().items()
        if not any(word in name for word in LEFT_OUT)
    }


def controlnet() -> dict[str, Any]:
    """As `checkpoint`, of a ControlNet in the original's format."""
    import comfy.ops
    import torch
    from comfy.cldm.cldm import ControlNet

    net = ControlNet(**NET, hint_channels=3, operations=comfy.ops.manual_cast, dtype=torch.float32)
    return {f"control_model.{name}": _random(value) for name, value in net.state_dict().items()}


def vae() -> dict[str, Any]:
    """As `checkpoint`, of the tiny autoencoder that ComfyUI knows."""
    from comfy.taesd.taesd import TAESD

    return {name: _random(value) for name, value in TAESD().state_dict().items()}


def _random(value: Any) -> Any:
    """Scales of norms are 1; everything else is as small as training would begin with."""
    import torch

    if value.ndim <= 1:
        return torch.ones_like(value).half() if value.is_floating_point() else value
    return (torch.randn(value.shape) / max(1, value[0].numel()) ** 0.5).half()


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    models = Path(sys.argv[2]).resolve()
    sys.argv = [sys.argv[0], "--cpu"]
    import comfy.options

    comfy.options.enable_args_parsing()  # else ComfyUI looks for a GPU
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    for place, made in (("checkpoints/tiny", checkpoint), ("controlnet/tiny_canny", controlnet), ("vae/tiny", vae)):
        file = models / f"{place}.safetensors"
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file(made(), str(file))
