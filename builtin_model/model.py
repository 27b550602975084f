"""The built-in base model as one object: its parts, how they are made, loaded and saved in diffusers' layout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from builtin_model.autoencoder import PatchAutoencoder

LATENT_CHANNELS = 12

UNET: dict[str, Any] = {
    "sample_size": 32,
    "in_channels": LATENT_CHANNELS,
    "out_channels": LATENT_CHANNELS,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "block_out_channels": (128, 160, 224),
    "layers_per_block": 1,
    "cross_attention_dim": 192,
    "attention_head_dim": 8,
}

TEXT: dict[str, Any] = {
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 77,
    "projection_dim": 192,
    "hidden_act": "quick_gelu",
}

SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "epsilon",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}

_LAYOUT = {
    "_class_name": "StableDiffusionPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["builtin_model.autoencoder", "PatchAutoencoder"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "safety_checker": [None, None],
    "feature_extractor": [None, None],
}


@dataclass
class BaseModel:
    """The five parts of a diffusers folder."""

    unet: Any  # UNet2DConditionModel, or one that peft has wrapped
    vae: PatchAutoencoder
    text_encoder: Any  # CLIPTextModel, or one that peft has wrapped
    tokenizer: Any  # CLIPTokenizer
    scheduler: Any  # DDIMScheduler

    @property
    def device(self) -> torch.device:
        """Where the U-Net lies."""
        device: torch.device = next(self.unet.parameters()).device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """What the U-Net computes in."""
        dtype: torch.dtype = next(self.unet.parameters()).dtype
        return dtype

    def tokens(self, texts: list[str]) -> Tensor:
        """(n, 77) token ids, padded and cut."""
        length = self.tokenizer.model_max_length
        batch = self.tokenizer(texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
        ids: Tensor = batch.input_ids
        return ids.to(self.device)

    def encode_texts(self, texts: list[str]) -> Tensor:
        """(n, 77, 192) what the U-Net attends to."""
        states: Tensor = self.text_encoder(self.tokens(texts))[0]
        return states

    def lora_layers(self) -> list[Any]:
        """The layers that peft has put LoRAs on."""
        layers = [*self.unet.modules(), *self.text_encoder.modules()]
        return [layer for layer in layers if getattr(layer, "lora_A", None)]

    @contextmanager
    def bare(self) -> Iterator[None]:
        """Inside it the LoRAs do nothing."""
        layers = self.lora_layers()
        try:
            for layer in layers:
                layer.enable_adapters(False)
            yield
        finally:
            for layer in layers:
                layer.enable_adapters(True)


def fresh(tokenizer_folder: Path, vae: PatchAutoencoder, seed: int = 0) -> BaseModel:
    """Random weights at the shipped architecture; torch's global generator is left as it was."""
    tokenizer = CLIPTokenizer.from_pretrained(tokenizer_folder, local_files_only=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet, text_encoder = UNet2DConditionModel(**UNET), CLIPTextModel(_text_config(tokenizer))
    return BaseModel(unet, vae, text_encoder, tokenizer, DDIMScheduler(**SCHEDULE))


def _text_config(tokenizer: Any) -> CLIPTextConfig:
    start, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    return CLIPTextConfig(vocab_size=len(tokenizer), bos_token_id=start, eos_token_id=end, pad_token_id=end, **TEXT)


def load(folder: Path, dtype: torch.dtype = torch.float32) -> BaseModel:
    """The model of a diffusers folder, in evaluation mode on the CPU. Raises OSError where a part is missing."""
    options: dict[str, Any] = {"local_files_only": True, "use_safetensors": True}
    return BaseModel(
        _ready(UNet2DConditionModel.from_pretrained(folder / "unet", **options), dtype),
        _ready(PatchAutoencoder.from_pretrained(folder / "vae", **options), dtype),
        _ready(CLIPTextModel.from_pretrained(folder / "text_encoder", **options), dtype),
        CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True),
        DDIMScheduler.from_pretrained(folder / "scheduler", local_files_only=True),
    )


def _ready(network: Any, dtype: torch.dtype) -> Any:
    """In evaluation mode and that precision; diffusers warns at every cast, so only where one is needed."""
    return (network if network.dtype == dtype else network.to(dtype)).eval()


def save(model: BaseModel, folder: Path) -> None:
    """Write the diffusers layout but for the tokenizer: networks in bf16 safetensors, the tiny autoencoder in fp32.

    The networks are left in bf16 in memory too. The tokenizer's files are `vocabulary.write_tokenizer`'s.
    """
    model.unet.to(torch.bfloat16).save_pretrained(folder / "unet", safe_serialization=True)
    model.text_encoder.to(torch.bfloat16).save_pretrained(folder / "text_encoder", safe_serialization=True)
    model.vae.float().save_pretrained(folder / "vae", safe_serialization=True)
    model.scheduler.save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text(json.dumps(_LAYOUT, indent=2) + "\n", encoding="utf-8", newline="\n")
