"""What a LoRA file says about itself: kohya's `ss_*` entries and the model specification's `modelspec.*`."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from PIL import Image

from kohya_train.contract import TrainConfig
from kohya_train.families import spec_of

THUMBNAIL = 256
"""Pixels of a thumbnail's longer side."""


def metadata(
    config: TrainConfig, step: int, captions: Mapping[str, int], started: float, precision: str = "no"
) -> dict[str, str]:
    """Kohya's and the model specification's entries. `captions` counts pictures; `started` is a POSIX time.

    `precision` is accelerate's word for the one in use: no, fp16 or bf16.
    """
    told = {**_kohya(config, step, captions), "ss_mixed_precision": precision, "ss_training_started_at": str(started)}
    return {**told, **_model_specification(config, captions, started)}


def _kohya(config: TrainConfig, step: int, captions: Mapping[str, int]) -> dict[str, str]:
    pictures = sum(captions.values())
    per_epoch = max(1, -(-pictures // (config.batch_size * config.accumulation)))
    side, family = config.resolution, spec_of(config.family)
    told: dict[str, object] = {
        "ss_output_name": config.name,
        "ss_sd_model_name": Path(config.base_model).name,
        "ss_base_model_version": family.base_version,
        "ss_v2": False,
        "ss_network_module": "networks.lora",
        "ss_network_dim": config.rank,
        "ss_network_alpha": float(config.alpha),
        "ss_network_args": json.dumps(_network_arguments(config)),
        "ss_learning_rate": config.learning_rate,
        "ss_unet_lr": config.learning_rate,
        "ss_text_encoder_lr": config.text_encoder_lr or None,
        "ss_optimizer": f"{config.optimizer}(weight_decay={config.weight_decay})",
        "ss_lr_scheduler": config.lr_scheduler,
        "ss_lr_warmup_steps": config.lr_warmup_steps,
        "ss_max_grad_norm": config.max_grad_norm,
        "ss_max_train_steps": config.steps,
        "ss_steps": step,
        "ss_epoch": -(-step // per_epoch),
        "ss_num_epochs": -(-config.steps // per_epoch),
        "ss_num_batches_per_epoch": per_epoch,
        "ss_num_train_images": pictures,
        "ss_num_reg_images": pictures // 2 if config.reg_folder else 0,
        "ss_prior_loss_weight": config.prior_loss_weight,
        "ss_total_batch_size": config.batch_size * config.accumulation,
        "ss_gradient_accumulation_steps": config.accumulation,
        "ss_gradient_checkpointing": config.gradient_checkpointing,
        "ss_seed": config.seed,
        "ss_noise_offset": config.noise_offset or None,
        "ss_ip_noise_gamma": config.ip_noise_gamma or None,
        "ss_min_snr_gamma": config.min_snr_gamma or None,
        "ss_debiased_estimation": config.debiased_estimation,
        "ss_zero_terminal_snr": config.zero_terminal_snr,
        "ss_loss_type": config.loss_type,
        "ss_scale_weight_norms": config.scale_weight_norms or None,
        "ss_masked_loss": config.masked_loss,
        "ss_enable_bucket": config.enable_bucket,
        "ss_caption_dropout_rate": config.caption_dropout_rate,
        "ss_shuffle_caption": config.shuffle_caption,
        "ss_keep_tokens": config.keep_tokens,
        "ss_ema_decay": config.ema_decay or None,
        "ss_resolution": f"({side}, {side})",
        "ss_cache_latents": True,
        "ss_tag_frequency": json.dumps({"train": dict(captions)}, ensure_ascii=False),
    }
    return {name: str(value) for name, value in told.items()}


def _network_arguments(config: TrainConfig) -> dict[str, object]:
    """Kohya's `network_args`, those that differ from a plain LoRA."""
    told: dict[str, object] = {}
    if config.conv_dim:
        told |= {"conv_dim": config.conv_dim, "conv_alpha": config.conv_alpha}
    if config.dora:
        told["dora_wd"] = True
    if config.rank_stabilized:
        told["rs_lora"] = True
    if config.loraplus_lr_ratio != 1:
        told["loraplus_lr_ratio"] = config.loraplus_lr_ratio
    return told


def _model_specification(config: TrainConfig, captions: Mapping[str, int], started: float) -> dict[str, str]:
    """What A1111's, ComfyUI's and SwarmUI's lists of LoRAs show; what is not known is left out."""
    side, family = config.resolution, spec_of(config.family)
    trigger = config.trigger_word or (next(iter(captions)) if len(captions) == 1 else "")
    told = {
        "sai_model_spec": "1.0.0",
        "architecture": family.architecture,
        "implementation": "diffusers",
        "title": config.name,
        "date": datetime.fromtimestamp(started, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S"),
        "resolution": f"{side}x{side}",
        "prediction_type": "v" if config.v_parameterization else "epsilon",
        "trigger_phrase": trigger,
        "license": config.license,
        "author": config.author,
        "merged_from": Path(config.network_weights).stem if config.network_weights else "",
        "thumbnail": _thumbnail(config.thumbnail),
    }
    return {f"modelspec.{name}": value for name, value in told.items() if value}


def _thumbnail(file: str) -> str:
    """The picture as a data URL, JPEG; "" without one. Raises OSError where there is none."""
    if not file:
        return ""
    with Image.open(file) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
