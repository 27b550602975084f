"""A model folder in diffusers' layout as one object: its networks, how it is loaded and saved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from builtin_model.autoencoder import PatchAutoencoder
from builtin_model.inpaint.network import fresh_scheduler, read_unet, write_unet

PIPELINE = "FaceInpaintPipeline"
"""What model_index.json calls the class; families are told apart by it."""

_LAYOUT = {
    "_class_name": PIPELINE,
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["builtin_model.autoencoder", "PatchAutoencoder"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "scheduler": ["diffusers", "DDIMScheduler"],
}


@dataclass(frozen=True, eq=False)
class Frozen:
    """What is not trained: the autoencoder and the text encoder; what they give lies on the CPU in float32."""

    vae: PatchAutoencoder
    text_encoder: Any  # CLIPTextModel
    tokenizer: Any  # CLIPTokenizer

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        """Latents (n, 12, h, w) of pictures (n, 3, 8h, 8w) in -1..1."""
        latents: Tensor = self.vae.encode(pictures.to(self.vae.device, self.vae.dtype)).latent_dist.mode()
        scaled: Tensor = latents.float().cpu() * self.vae.config.scaling_factor
        return scaled

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Pictures of latents; not clipped to -1..1."""
        factor = self.vae.config.scaling_factor
        pictures: Tensor = self.vae.decode((latents / factor).to(self.vae.device, self.vae.dtype)).sample
        return pictures.float().cpu()

    @torch.no_grad()
    def states(self, texts: Sequence[str]) -> Tensor:
        """(n, 77, 192) what the U-Net attends to; long texts are cut."""
        length = self.tokenizer.model_max_length
        ids = self.tokenizer(
            list(texts), padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        ).input_ids
        states: Tensor = self.text_encoder(ids.to(self.text_encoder.device))[0]
        return states.float().cpu()


@dataclass(frozen=True, eq=False)
class FaceInpaintModel:
    """All of a model folder."""

    unet: Any  # UNet2DConditionModel with 46 input channels, in evaluation mode
    frozen: Frozen
    history: tuple[dict[str, Any], ...] = ()  # how the U-Net was trained, from its file's metadata


def read_frozen(folder: Path) -> Frozen:
    """The parts that are not trained. Raises OSError where one is missing."""
    options: dict[str, Any] = {"local_files_only": True}
    vae = PatchAutoencoder.from_pretrained(folder / "vae", use_safetensors=True, **options)
    text = CLIPTextModel.from_pretrained(folder / "text_encoder", use_safetensors=True, **options)
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", **options)
    return Frozen(vae.float().eval(), text.float().eval(), tokenizer)


def load(folder: Path, dtype: torch.dtype = torch.float32, device: str | torch.device = "cpu") -> FaceInpaintModel:
    """The model of a folder. Raises OSError where a part is missing, ValueError where it is another kind of model."""
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    if index.get("_class_name") != PIPELINE:
        raise ValueError(f"{folder.name} holds a {index.get('_class_name')}, no {PIPELINE}")
    config = json.loads((folder / "unet" / "config.json").read_text(encoding="utf-8"))
    unet, history = read_unet(folder / "unet", {k: v for k, v in config.items() if not k.startswith("_")})
    return FaceInpaintModel(unet.to(device, dtype).eval(), read_frozen(folder), tuple(history))


def save(model: FaceInpaintModel, folder: Path) -> None:
    """Write the whole folder: U-Net and text encoder in bf16, the tiny autoencoder in float32."""
    write_unet(model.unet, folder / "unet", list(model.history))
    model.frozen.text_encoder.to(torch.bfloat16).save_pretrained(folder / "text_encoder")
    model.frozen.text_encoder.float()
    model.frozen.vae.save_pretrained(folder / "vae")
    # Its own files: what newer transformers write, older ones do not read.
    shutil.copytree(model.frozen.tokenizer.name_or_path, folder / "tokenizer", dirs_exist_ok=True)
    fresh_scheduler().save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text(json.dumps(_LAYOUT, indent=2) + "\n", encoding="utf-8", newline="\n")
