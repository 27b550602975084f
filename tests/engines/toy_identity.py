"""An identity adapter and its image encoder at toy widths, in the layout of the files that people have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

INNER, QUERIES = 64, 4  # of the resampler, whose heads have 64 numbers


def toy_adapter(unet: Any, seen: int, plus: bool = True) -> dict[str, Any]:
    """Tensors for every cross-attention of `unet`; `seen` is the width of the encoder's answer."""
    import torch

    generator, cross = torch.Generator().manual_seed(3), unet.config.cross_attention_dim

    def made(*shape: int) -> Any:
        return torch.randn(shape, generator=generator) * 0.3

    tensors = _resampler(made, seen, cross) if plus else _plain(made, seen, cross)
    attended = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    for number, name in enumerate(attended):
        width = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
        for part in ("to_k_ip", "to_v_ip"):
            tensors[f"ip_adapter.{2 * number + 1}.{part}.weight"] = made(width, cross)
    return {name: value.contiguous() for name, value in tensors.items()}


def _plain(made: Any, seen: int, cross: int) -> dict[str, Any]:
    layers = {
        "proj.weight": (4 * cross, seen),
        "proj.bias": (4 * cross,),
        "norm.weight": (cross,),
        "norm.bias": (cross,),
    }
    return {f"image_proj.{name}": made(*shape) for name, shape in layers.items()}


def _resampler(made: Any, seen: int, cross: int) -> dict[str, Any]:
    layers: dict[str, tuple[int, ...]] = {
        "latents": (1, QUERIES, INNER),
        "proj_in.weight": (INNER, seen),
        "proj_in.bias": (INNER,),
        "proj_out.weight": (cross, INNER),
        "proj_out.bias": (cross,),
        "norm_out.weight": (cross,),
        "norm_out.bias": (cross,),
    }
    for number in range(4):
        for norm in ("0.norm1", "0.norm2", "1.0"):
            layers |= {f"layers.{number}.{norm}.{part}": (INNER,) for part in ("weight", "bias")}
        layers[f"layers.{number}.0.to_q.weight"] = (INNER, INNER)
        layers[f"layers.{number}.0.to_kv.weight"] = (2 * INNER, INNER)
        layers[f"layers.{number}.0.to_out.weight"] = (INNER, INNER)
        layers[f"layers.{number}.1.1.weight"] = (4 * INNER, INNER)
        layers[f"layers.{number}.1.3.weight"] = (INNER, 4 * INNER)
    return {f"image_proj.{name}": made(*shape) for name, shape in layers.items()}


def write_identity(folder: Path, unet: Any, plus: bool = True) -> Path:
    """`folder` with an adapter and the folder of an encoder; the adapter's file."""
    import torch
    from safetensors.torch import save_file
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(1)
    config = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=3, num_attention_heads=2, image_size=28, patch_size=14,
        projection_dim=12,
    )  # fmt: skip
    CLIPVisionModelWithProjection(config).save_pretrained(folder / "image_encoder")
    file = folder / "toy-plus-face.safetensors"
    save_file(toy_adapter(unet, 16 if plus else 12, plus), file)
    return file
