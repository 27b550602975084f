"""LoRA files in kohya's format: fp16 safetensors with `ss_*` metadata and the hashes WebUIs look for."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save, save_file

from kohya_train.contract import TrainConfig
from kohya_train.families import spec_of
from kohya_train.network import Network


def checkpoint_file(folder: Path, step: int) -> Path:
    """Where the LoRA of a step lies."""
    return folder / f"checkpoint-{step}.safetensors"


def write_lora(file: Path, network: Network, metadata: Mapping[str, str]) -> None:
    """Write the network's weights as fp16 with `metadata` and hashes; complete or not there at all."""
    tensors = {name: tensor.detach().to("cpu", torch.float16) for name, tensor in network.tensors().items()}
    modules = [*network.text, *network.unet]
    tensors |= {f"{name}.alpha": torch.tensor(network.alpha, dtype=torch.float16) for name in modules}
    tensors = {name: tensors[name].contiguous() for name in sorted(tensors)}
    write_tensors(file, tensors, {**metadata, **hashes(tensors)})


def read_lora(file: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors and metadata of a LoRA file."""
    with safe_open(str(file), framework="pt") as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}, dict(opened.metadata() or {})  # noqa: SIM118


def write_tensors(file: Path, tensors: dict[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    """safetensors under a temporary name, renamed when complete, so that a kill leaves the old file or the new."""
    part = file.with_name(file.name + ".part")
    save_file(tensors, str(part), metadata=dict(metadata))
    with part.open("rb+") as written:
        os.fsync(written.fileno())
    part.replace(file)


def hashes(tensors: dict[str, torch.Tensor]) -> dict[str, str]:
    """`sshs_model_hash` (SHA-256 of the tensor bytes) and `sshs_legacy_hash` (64 kB at offset 1 MB), as kohya's."""
    blob = save(tensors)
    start = 8 + int.from_bytes(blob[:8], "little")
    window = blob[0x100000 : 0x100000 + 0x10000]
    return {
        "sshs_model_hash": hashlib.sha256(blob[start:]).hexdigest(),
        "sshs_legacy_hash": hashlib.sha256(window).hexdigest()[:8],
    }


def metadata(config: TrainConfig, step: int, captions: Mapping[str, int], started: float) -> dict[str, str]:
    """Kohya's and the model specification's entries. `captions` counts pictures; `started` is a POSIX time.

    `config.precision` is accelerate's word for the one in use: no, fp16 or bf16.
    """
    pictures = sum(captions.values())
    per_epoch = max(1, -(-pictures // (config.batch_size * config.accumulation)))
    text_lr = config.text_encoder_lr or None
    side, family = config.resolution, spec_of(config.family)
    return {
        "ss_output_name": config.name,
        "ss_sd_model_name": Path(config.base_model).name,
        "ss_base_model_version": family.base_version,
        "ss_v2": "False",
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(config.rank),
        "ss_network_alpha": str(float(config.alpha)),
        "ss_learning_rate": str(config.learning_rate),
        "ss_unet_lr": str(config.learning_rate),
        "ss_text_encoder_lr": str(text_lr),
        "ss_optimizer": "torch.optim.adamw.AdamW(weight_decay=0.01,betas=(0.9, 0.999))",
        "ss_lr_scheduler": "constant",
        "ss_lr_warmup_steps": "0",
        "ss_max_grad_norm": "1.0",
        "ss_max_train_steps": str(config.steps),
        "ss_steps": str(step),
        "ss_epoch": str(-(-step // per_epoch)),
        "ss_num_epochs": str(-(-config.steps // per_epoch)),
        "ss_num_batches_per_epoch": str(per_epoch),
        "ss_num_train_images": str(pictures),
        "ss_num_reg_images": "0",
        "ss_total_batch_size": str(config.batch_size * config.accumulation),
        "ss_gradient_accumulation_steps": str(config.accumulation),
        "ss_gradient_checkpointing": str(config.gradient_checkpointing),
        "ss_mixed_precision": config.precision,
        "ss_seed": str(config.seed),
        "ss_noise_offset": str(config.noise_offset or None),
        "ss_min_snr_gamma": str(config.min_snr_gamma or None),
        "ss_resolution": f"({side}, {side})",
        "ss_cache_latents": "True",
        "ss_tag_frequency": json.dumps({"train": dict(captions)}, ensure_ascii=False),
        "ss_training_started_at": str(started),
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": family.architecture,
        "modelspec.title": config.name,
        "modelspec.resolution": f"{side}x{side}",
    }
