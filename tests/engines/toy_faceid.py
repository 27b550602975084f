"""FaceID's and InstantID's adapters at toy widths in the layout of the published files, and a toy recognizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx_files import Node, write_onnx
from toy_identity import toy_adapter

VECTOR, TOKENS, HEAD, RANK = 512, 4, 64, 4


def toy_faceid(unet: Any, plus_reads: int = 0, lora: bool = True) -> dict[str, dict[str, Any]]:
    """The two parts of a FaceID file for `unet`; `plus_reads`: the encoder's width for one of the kind plus.

    Its LoRA is numbered through all attentions, its keys and values through the cross-attentions (odd numbers).
    """
    import torch

    generator, cross = torch.Generator().manual_seed(5), unet.config.cross_attention_dim

    def made(*shape: int) -> Any:
        return torch.randn(shape, generator=generator) * 0.3

    projection = {
        "proj.0.weight": made(2 * VECTOR, VECTOR),
        "proj.0.bias": made(2 * VECTOR),
        "proj.2.weight": made(TOKENS * cross, 2 * VECTOR) * 0.1,
        "proj.2.bias": made(TOKENS * cross),
        "norm.weight": made(cross),
        "norm.bias": made(cross),
    }
    if plus_reads:
        projection |= _perceiver(made, plus_reads, cross)
    attention: dict[str, Any] = {}
    for number, name in enumerate(unet.attn_processors):
        place = unet.get_submodule(name.removesuffix(".processor"))
        if lora:
            layers = {"to_q": place.to_q, "to_k": place.to_k, "to_v": place.to_v, "to_out": place.to_out[0]}
            for part, layer in layers.items():
                attention[f"{number}.{part}_lora.down.weight"] = made(RANK, layer.in_features)
                attention[f"{number}.{part}_lora.up.weight"] = made(layer.out_features, RANK)
        if name.endswith("attn2.processor"):
            for part in ("to_k_ip", "to_v_ip"):
                attention[f"{number}.{part}.weight"] = made(place.to_k.out_features, cross)
    return {"image_proj": projection, "ip_adapter": attention}


def _perceiver(made: Any, reads: int, width: int) -> dict[str, Any]:
    inner = max(1, width // HEAD) * HEAD
    layers: dict[str, tuple[int, ...]] = {
        "proj_in.weight": (width, reads), "proj_in.bias": (width,), "proj_out.weight": (width, width),
        "proj_out.bias": (width,), "norm_out.weight": (width,), "norm_out.bias": (width,),
    }  # fmt: skip
    for number in range(4):
        for norm in ("0.norm1", "0.norm2", "1.0"):
            layers |= {f"layers.{number}.{norm}.{part}": (width,) for part in ("weight", "bias")}
        layers[f"layers.{number}.0.to_q.weight"] = (inner, width)
        layers[f"layers.{number}.0.to_kv.weight"] = (2 * inner, width)
        layers[f"layers.{number}.0.to_out.weight"] = (width, inner)
        layers[f"layers.{number}.1.1.weight"] = (4 * width, width)
        layers[f"layers.{number}.1.3.weight"] = (width, 4 * width)
    return {f"perceiver_resampler.{name}": made(*shape) for name, shape in layers.items()}


def toy_instantid(unet: Any) -> dict[str, dict[str, Any]]:
    """The two parts of InstantID's file: a resampler of the vector, and keys and values."""
    parts: dict[str, dict[str, Any]] = {"image_proj": {}, "ip_adapter": {}}
    for name, value in toy_adapter(unet, VECTOR).items():
        part, _, rest = name.partition(".")
        parts[part][rest] = value
    return parts


def save_bin(file: Path, parts: dict[str, dict[str, Any]]) -> Path:
    """As torch saves them, which is how they are published."""
    import torch

    torch.save(parts, file)
    return file


def write_recognizer(file: Path, numbers: int = VECTOR) -> Path:
    """112 x 112 faces to `numbers` numbers by their colors in 4 x 4 fields."""
    chance = np.random.default_rng(2)
    nodes = [
        Node("AveragePool", ["input.1"], ["seen"], {"kernel_shape": [28, 28], "strides": [28, 28]}),
        Node("Flatten", ["seen"], ["flat"]),
        Node("Gemm", ["flat", "w", "b"], ["683"]),
    ]
    weights = {"w": chance.normal(size=(48, numbers)), "b": chance.normal(size=numbers) * 0.1}
    return write_onnx(file, nodes, weights, {"input.1": [1, 3, 112, 112]}, {"683": [1, numbers]})
