"""The architecture of a single-file checkpoint: its family's, at the widths that its own tensors have."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import safe_open

from kohya_train.contract import TrainerError

Shapes = Mapping[str, tuple[int, ...]]
Config = dict[str, Any]
Fit = Callable[[Shapes, Config], Config]
"""A part's configuration at the widths that the file's own tensors have."""

UNET = "model.diffusion_model."
VAE = "first_stage_model."
OLD_TEXT = "cond_stage_model.transformer."
_OLD_PARTS = ("embeddings.", "encoder.", "final_layer_norm.")
HEAD = 64  # numbers a head has in every CLIP and in SDXL's U-Net; no shape tells the number of heads


class NotForTraining(TrainerError):
    """The checkpoint is of the family, but no LoRA for portraits can be trained on it."""


@contextmanager
def architecture(file: Path, folder: Path, fits: Mapping[str, Fit]) -> Iterator[Path]:
    """`folder` where it fits the file, as it does for every full-size checkpoint; else a copy that does, for the block.

    Raises NotForTraining; KeyError when the file has not the tensors of its family.
    """
    shapes = read_shapes(file)
    changed: dict[str, Config] = {}
    for part, fit in fits.items():
        config: Config = json.loads((folder / part / "config.json").read_text(encoding="utf-8"))
        fitted = fit(shapes, config)
        if fitted != config:
            changed[part] = fitted
    if not changed:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="easyphoto-") as made:
        copy = shutil.copytree(folder, Path(made) / "architecture")
        for part, config in changed.items():
            (copy / part / "config.json").write_text(json.dumps(config), encoding="utf-8")
        yield copy


def read_shapes(file: Path) -> Shapes:
    """Tensor name -> shape, from the header alone; a text encoder's old names as the newer ones."""
    with safe_open(str(file), framework="pt") as opened:
        return {new_name(name): tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118


def new_name(name: str) -> str:
    """A text encoder's weight with the level `text_model`, which merges of older programs lack."""
    inner = name.removeprefix(OLD_TEXT)
    return f"{OLD_TEXT}text_model.{inner}" if inner != name and inner.startswith(_OLD_PARTS) else name


def fit_unet(shapes: Shapes, config: Config) -> Config:
    """A U-Net of SD's kind. Raises NotForTraining for an inpainting one."""
    channels_in = shapes[f"{UNET}input_blocks.0.0.weight"][1]
    if channels_in != config["in_channels"]:
        raise NotForTraining("inpainting-unet", channels=channels_in)
    levels = range(len(config["block_out_channels"]))
    stride = config["layers_per_block"] + 1  # the resnets of a level and its downsampler
    widths = [shapes[f"{UNET}input_blocks.{stride * level + 1}.0.out_layers.3.weight"][0] for level in levels]
    context = shapes[f"{UNET}middle_block.1.transformer_blocks.0.attn2.to_k.weight"][1]
    return {**config, "block_out_channels": widths, "cross_attention_dim": context}


def fit_vae(shapes: Shapes, config: Config) -> Config:
    """The autoencoder of SD."""
    if f"{VAE}encoder.conv_in.weight" not in shapes:
        return config  # a checkpoint without its autoencoder; loading it says so
    levels = range(len(config["block_out_channels"]))
    widths = [shapes[f"{VAE}encoder.down.{level}.block.0.conv1.weight"][0] for level in levels]
    return {**config, "block_out_channels": widths}


def _clip(prefix: str, first_layer: str) -> Fit:
    """A text encoder whose names begin with `prefix`; `first_layer` is the first matrix of its first MLP."""

    def fit(shapes: Shapes, config: Config) -> Config:
        vocabulary, width = shapes[f"{prefix}token_embedding.weight"]
        if vocabulary != config["vocab_size"]:
            raise NotForTraining("other-vocabulary", tokens=vocabulary, expected=config["vocab_size"])
        if width == config["hidden_size"]:
            return config
        inner = shapes[first_layer][0]
        narrow = {"hidden_size": width, "intermediate_size": inner, "projection_dim": width}
        return {**config, **narrow, "num_attention_heads": max(1, width // HEAD)}

    return fit


def fit_clip(prefix: str) -> Fit:
    """OpenAI's CLIP, with transformers' names behind the prefix."""
    return _clip(f"{prefix}text_model.embeddings.", f"{prefix}text_model.encoder.layers.0.mlp.fc1.weight")


def fit_open_clip(prefix: str) -> Fit:
    """OpenCLIP, with its own names behind the prefix."""
    return _clip(prefix, f"{prefix}transformer.resblocks.0.mlp.c_fc.weight")
