"""Base models: SD 1.5, SDXL and the built-in one, from local safetensors only, as one `Bundle`."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from kohya_train.checkpoint_architecture import architecture
from kohya_train.contract import TrainConfig

BUILTIN_NOISE_LEVELS = 650
"""The built-in model was trained below this timestep only: img2img, all it is for, starts no higher."""


class BadBaseModel(RuntimeError):
    """The base model is missing, incomplete or not safetensors."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """A base model, taken apart. All of its models are in evaluation mode and one precision."""

    family: str
    unet: Any  # UNet2DConditionModel
    vae: Any  # encode(x).latent_dist, decode(z).sample, x in -1..1 (n, 3, h, w)
    text_encoders: tuple[Any, ...]  # one, or SDXL's two
    tokenizers: tuple[Any, ...]
    scheduler: Any  # DDPMScheduler: noise levels and what the U-Net predicts
    folder: Path  # where it came from; a file for a single-file checkpoint

    @property
    def models(self) -> tuple[nn.Module, ...]:
        """Every network, for moving and freezing."""
        return (self.unet, self.vae, *self.text_encoders)

    @property
    def noise_levels(self) -> int:
        """Training timesteps are drawn from 0 up to, not including, this."""
        levels = int(self.scheduler.config.num_train_timesteps)
        return min(levels, BUILTIN_NOISE_LEVELS) if self.family == "built-in" else levels

    def encode_text(self, captions: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Cross-attention states (n, 77, c), and for SDXL the pooled states (n, c2); gradients flow."""
        if self.family != "sdxl":
            return self._states(0, captions).last_hidden_state, None
        first, second = (self._states(i, captions) for i in range(2))
        return torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1), second.text_embeds

    def _states(self, index: int, captions: Sequence[str]) -> Any:
        tokenizer, encoder = self.tokenizers[index], self.text_encoders[index]
        length = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
        tokens = tokenizer(
            list(captions), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        ).input_ids
        device = next(encoder.parameters()).device
        return encoder(tokens.to(device), output_hidden_states=self.family == "sdxl")


def load(config: TrainConfig) -> Bundle:
    """The base model of `config` in fp32 on the CPU. Raises BadBaseModel; never touches the network."""
    base = Path(config.base_model)
    if not base.exists():
        raise BadBaseModel(f"There is no base model at {base}.")
    if base.is_file() and base.suffix != ".safetensors":
        raise BadBaseModel(f"{base.name} is not a safetensors file; other formats can hide programs and are not read.")
    try:
        bundle = _from_file(base, config) if base.is_file() else _from_folder(base, config.family)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as problem:
        raise BadBaseModel(f"{base} could not be loaded as {config.family}: {problem}") from problem
    for model in bundle.models:
        if gaps := [name for name, weight in model.named_parameters() if weight.is_meta]:
            raise BadBaseModel(f"{base} lacks {len(gaps)} weights of {type(model).__name__}: {', '.join(gaps[:3])}.")
        model.float().eval()
    return bundle


def _from_folder(base: Path, family: str) -> Bundle:
    text, tokenizers = [], []
    for name, kind in _text_parts(family):
        text.append(_text_encoder(kind, base / name))
        folder = base / name.replace("text_encoder", "tokenizer")
        tokenizers.append(CLIPTokenizer.from_pretrained(folder, local_files_only=True))
    return Bundle(
        family=family,
        unet=UNet2DConditionModel.from_pretrained(base / "unet", local_files_only=True, use_safetensors=True),
        vae=_autoencoder(family).from_pretrained(base / "vae", local_files_only=True, use_safetensors=True),
        text_encoders=tuple(text),
        tokenizers=tuple(tokenizers),
        scheduler=DDPMScheduler.from_pretrained(base / "scheduler", local_files_only=True),
        folder=base,
    )


def _text_encoder(kind: Any, folder: Path) -> Any:
    """The encoder with every weight from its file: transformers itself would fill a gap with random numbers."""
    encoder, told = kind.from_pretrained(folder, use_safetensors=True, local_files_only=True, output_loading_info=True)
    if told["missing_keys"]:
        # transformers 5 writes the names without the level that version 4 reads.
        tensors = load_file(folder / "model.safetensors")
        missing = encoder.load_state_dict({f"text_model.{name}": one for name, one in tensors.items()}, strict=False)
        if missing.missing_keys:
            raise BadBaseModel(f"{folder.name} has no {', '.join(missing.missing_keys[:3])}.")
    return encoder


def _from_file(base: Path, config: TrainConfig) -> Bundle:
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

    kind = StableDiffusionXLPipeline if config.family == "sdxl" else StableDiffusionPipeline
    if not Path(config.config_folder, "model_index.json").is_file():
        raise BadBaseModel(f"A single file needs its architecture: {config.config_folder!r} has no model_index.json.")
    quiet: dict[str, Any] = {} if config.family == "sdxl" else {"safety_checker": None, "feature_extractor": None}
    with architecture(base, Path(config.config_folder), config.family) as folder:
        pipe = kind.from_single_file(
            str(base), config=str(folder), local_files_only=True, torch_dtype=torch.float32, **quiet
        )
    names = [name for name, _ in _text_parts(config.family)]
    return Bundle(
        family=config.family,
        unet=pipe.unet,
        vae=pipe.vae,
        text_encoders=tuple(getattr(pipe, name) for name in names),
        tokenizers=tuple(getattr(pipe, name.replace("text_encoder", "tokenizer")) for name in names),
        scheduler=DDPMScheduler.from_config(pipe.scheduler.config),
        folder=base,
    )


def _text_parts(family: str) -> tuple[tuple[str, Any], ...]:
    first = ("text_encoder", CLIPTextModel)
    return (first, ("text_encoder_2", CLIPTextModelWithProjection)) if family == "sdxl" else (first,)


def _autoencoder(family: str) -> Any:
    if family != "built-in":
        return AutoencoderKL
    from builtin_model.autoencoder import PatchAutoencoder

    return PatchAutoencoder


def place(bundle: Bundle, device: torch.device, dtype: torch.dtype) -> None:
    """Move the frozen weights to `device` and `dtype`; the autoencoder stays fp32 (it encodes each picture once)."""
    bundle.unet.to(device=device, dtype=dtype)
    for encoder in bundle.text_encoders:
        encoder.to(device=device, dtype=dtype)
    bundle.vae.to(device=device)


def enable_memory_savings(bundle: Bundle, checkpointing: bool) -> str | None:
    """Turn on gradient checkpointing and xformers where asked for or present. A warning, or None.

    Without xformers diffusers uses torch's scaled dot product attention.
    """
    if checkpointing:
        bundle.unet.enable_gradient_checkpointing()
        for encoder in bundle.text_encoders:
            encoder.gradient_checkpointing_enable({"use_reentrant": False})
    if next(bundle.unet.parameters()).device.type != "cuda":
        return None
    with contextlib.suppress(ImportError):
        import xformers  # noqa: F401

        try:
            bundle.unet.enable_xformers_memory_efficient_attention()
        except (ValueError, RuntimeError, NotImplementedError) as problem:
            return f"xformers is installed but does not work here, torch's own attention is used: {problem}"
    return None
