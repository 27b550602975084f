"""Base models of every family, from local safetensors only, as one `Bundle`."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers import DDPMScheduler, UNet2DConditionModel
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from transformers import CLIPTokenizer

from kohya_train.checkpoint_architecture import architecture
from kohya_train.contract import BadConfig, TrainConfig, TrainerError
from kohya_train.families import spec_of
from kohya_train.families.base import TrainerSpec
from kohya_train.imports import no_initial_weights
from kohya_train.single_file import objective_of, old_text_encoder

TEXT_LEVEL = "text_model."


class BadBaseModel(TrainerError):
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
    def spec(self) -> TrainerSpec:
        """What is particular to its family."""
        return spec_of(self.family)

    @property
    def models(self) -> tuple[nn.Module, ...]:
        """Every network, for moving and freezing."""
        return (self.unet, self.vae, *self.text_encoders)

    @property
    def noise_levels(self) -> int:
        """Training timesteps are drawn from 0 up to, not including, this."""
        levels = int(self.scheduler.config.num_train_timesteps)
        return min(levels, self.spec.noise_levels or levels)

    def encode_text(self, captions: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Cross-attention states (n, 77, c), and for SDXL the pooled states (n, c2); gradients flow."""
        return self.spec.text_states([self._states(index, captions) for index in range(len(self.text_encoders))])

    def _states(self, index: int, captions: Sequence[str]) -> Any:
        tokenizer, encoder = self.tokenizers[index], self.text_encoders[index]
        length = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
        tokens = tokenizer(
            list(captions), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        ).input_ids
        device = next(encoder.parameters()).device
        return encoder(tokens.to(device), output_hidden_states=self.spec.hidden_states)


def load(config: TrainConfig, dtype: torch.dtype = torch.float32) -> Bundle:
    """The base model of `config` on the CPU in `dtype`, its autoencoder in fp32. Raises BadBaseModel; no network.

    It is read in that precision: an fp32 copy of SDXL would take 14 GB of RAM before the GPU is touched.
    """
    base = Path(config.base_model)
    if not base.exists():
        raise BadBaseModel("no-base-model", file=str(base))
    if base.is_file() and base.suffix != ".safetensors":
        raise BadBaseModel("pickle-base-model", file=base.name)
    try:
        with no_initial_weights():
            bundle = _from_file(base, config, dtype) if base.is_file() else _from_folder(base, config.family, dtype)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as problem:
        raise BadBaseModel("base-model-not-loaded", file=str(base), family=config.family, why=str(problem)) from problem
    for model in bundle.models:
        if gaps := [name for name, weight in model.named_parameters() if weight.is_meta]:
            part = type(model).__name__
            raise BadBaseModel("missing-weights", file=str(base), count=len(gaps), part=part, names=gaps[:3])
        model.eval()
    return bundle


def _precision(library: Any, since: tuple[int, int], dtype: torch.dtype) -> dict[str, torch.dtype]:
    """The option that asks for `dtype`, whose name changed with that version of the library."""
    version = tuple(int(part) for part in library.__version__.split(".")[:2])
    return {"dtype" if version >= since else "torch_dtype": dtype}


def _of_diffusers(dtype: torch.dtype) -> dict[str, torch.dtype]:
    return _precision(diffusers, (0, 42), dtype)


def _from_folder(base: Path, family: str, dtype: torch.dtype) -> Bundle:
    spec, text, tokenizers = spec_of(family), [], []
    local: dict[str, Any] = {"local_files_only": True, "use_safetensors": True}
    for part in spec.text_encoders:
        text.append(_text_encoder(getattr(transformers, part.kind), base / part.folder, dtype))
        tokenizers.append(CLIPTokenizer.from_pretrained(base / part.tokenizer, local_files_only=True))
    return Bundle(
        family=family,
        unet=UNet2DConditionModel.from_pretrained(base / "unet", **local, **_of_diffusers(dtype)),
        vae=spec.autoencoder().from_pretrained(base / "vae", **local, **_of_diffusers(torch.float32)),
        text_encoders=tuple(text),
        tokenizers=tuple(tokenizers),
        scheduler=DDPMScheduler.from_pretrained(base / "scheduler", local_files_only=True),
        folder=base,
    )


def _text_encoder(kind: Any, folder: Path, dtype: torch.dtype) -> Any:
    """The encoder with every weight from its file.

    transformers itself would fill a gap with random numbers, and makes what it loads on torch's tensors without
    contents, which costs half a second more. Version 5 writes the names without the level that version 4 reads.
    """
    encoder = kind(kind.config_class.from_pretrained(folder, local_files_only=True))
    names = encoder.state_dict().keys()
    tensors = {_known(name, names): one for name, one in load_file(folder / "model.safetensors").items()}
    missing = encoder.load_state_dict(tensors, strict=False, assign=True).missing_keys
    if missing:
        raise BadBaseModel("encoder-lacks-weights", folder=folder.name, names=list(missing[:3]))
    return encoder.to(dtype)


def _known(name: str, names: Collection[str]) -> str:
    """The name with or without its first level, as the encoder has it."""
    return next((one for one in (name, f"{TEXT_LEVEL}{name}", name.removeprefix(TEXT_LEVEL)) if one in names), name)


def _from_file(base: Path, config: TrainConfig, dtype: torch.dtype) -> Bundle:
    spec = spec_of(config.family)
    if not spec.pipeline:
        raise BadBaseModel("no-single-files", family=config.family)
    if not Path(config.config_folder, "model_index.json").is_file():
        raise BadBaseModel("no-architecture", folder=config.config_folder)
    with architecture(base, Path(config.config_folder), spec.fits) as folder:
        options: dict[str, Any] = {"config": str(folder), "local_files_only": True}
        vae = diffusers.AutoencoderKL.from_single_file(
            str(base), subfolder="vae", **options, **_of_diffusers(torch.float32)
        )
        parts: dict[str, Any] = {"vae": vae, **spec.pipeline_options}
        if (encoder := old_text_encoder(base, folder, dtype)) is not None:
            parts["text_encoder"] = encoder
        pipe = getattr(diffusers, spec.pipeline).from_single_file(str(base), **parts, **options, **_of_diffusers(dtype))
    return Bundle(
        family=config.family,
        unet=pipe.unet,
        vae=pipe.vae,
        text_encoders=tuple(getattr(pipe, part.folder) for part in spec.text_encoders),
        tokenizers=tuple(getattr(pipe, part.tokenizer) for part in spec.text_encoders),
        scheduler=DDPMScheduler.from_config(pipe.scheduler.config, **objective_of(base)),
        folder=base,
    )


def place(bundle: Bundle, device: torch.device, dtype: torch.dtype) -> None:
    """Move the frozen weights to `device` and `dtype`; the autoencoder stays fp32 (it encodes each picture once)."""
    # Convolutions of half precision want the channels last on NVIDIA's cards; on processors it measured no gain.
    order = torch.channels_last if device.type == "cuda" else torch.preserve_format
    bundle.unet.to(device=device, dtype=dtype, memory_format=order)
    for encoder in bundle.text_encoders:
        encoder.to(device=device, dtype=dtype)
    bundle.vae.to(device=device)


def apply_config(bundle: Bundle, config: TrainConfig) -> Bundle:
    """The bundle with the objective the config asks for. Raises BadConfig for a noise no epsilon can be told from.

    What the checkpoint says about itself holds anyway.
    """
    told: dict[str, Any] = {"prediction_type": "v_prediction"} if config.v_parameterization else {}
    if config.zero_terminal_snr:
        told["rescale_betas_zero_snr"] = True
    scheduler = DDPMScheduler.from_config(bundle.scheduler.config, **told) if told else bundle.scheduler
    if scheduler.config.rescale_betas_zero_snr and scheduler.config.prediction_type == "epsilon":
        raise BadConfig("zero-snr-needs-v")
    return replace(bundle, scheduler=scheduler)


def checkpoint_activations(bundle: Bundle) -> None:
    """Compute activations again in the backward pass in place of keeping them."""
    bundle.unet.enable_gradient_checkpointing()
    for encoder in bundle.text_encoders:
        encoder.gradient_checkpointing_enable({"use_reentrant": False})
    for model in (bundle.unet, *bundle.text_encoders):
        model.train()  # older libraries checkpoint in training mode only; there is no dropout to switch on


def enable_xformers(bundle: Bundle) -> TrainerError | None:
    """Use xformers where it is installed; a warning where it does not work, or None.

    Without it diffusers uses torch's scaled dot product attention.
    """
    if next(bundle.unet.parameters()).device.type != "cuda":
        return None
    with contextlib.suppress(ImportError):
        import xformers  # noqa: F401

        try:
            bundle.unet.enable_xformers_memory_efficient_attention()
        except (ValueError, RuntimeError, NotImplementedError) as problem:
            return TrainerError("xformers-unusable", why=str(problem))
    return None
