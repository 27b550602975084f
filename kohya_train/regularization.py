"""Pictures of the class ("a man"), made by the base model once and kept, so that a LoRA leaves it as it is."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image

from kohya_train.contract import BadConfig, TrainConfig
from kohya_train.families.base import without_autocast
from kohya_train.models import Bundle
from kohya_train.network import Network

STEPS, GUIDANCE = 25, 7.5


def make_regularization(bundle: Bundle, network: Network, config: TrainConfig) -> TrainConfig:
    """The config with `reg_folder`; pictures that are missing in it are painted with the LoRA switched off.

    Raises BadConfig for a base model that paints no pictures from text alone.
    """
    if not (config.class_prompt and config.class_images) or config.reg_folder:
        return config
    if not bundle.spec.pipeline:
        raise BadConfig("no-class-images", family=config.family)
    named = f"{Path(config.base_model).resolve()} {config.class_prompt} {config.resolution} {config.seed}"
    key = hashlib.sha256(named.encode()).hexdigest()[:16]
    folder = config.cache / "class_images" / key
    folder.mkdir(parents=True, exist_ok=True)
    for layer in network.modules.values():
        layer.enabled = False
    for number in range(config.class_images):
        file = folder / f"{number}.png"
        if not file.is_file():
            part = folder / f"{number}.part"
            _painted(bundle, config, number).save(part, "PNG")
            part.replace(file)
        file.with_suffix(config.caption_extension).write_text(config.class_prompt, encoding="utf-8")
    for layer in network.modules.values():
        layer.enabled = True
    return replace(config, reg_folder=str(folder))


@torch.no_grad()
def _painted(bundle: Bundle, config: TrainConfig, number: int) -> Image.Image:
    """One picture of the class, each from a seed of its own."""
    import diffusers

    text = zip(bundle.spec.text_encoders, bundle.text_encoders, bundle.tokenizers, strict=True)
    parts = {"vae": bundle.vae, "unet": bundle.unet, **bundle.spec.pipeline_options}
    for part, encoder, tokenizer in text:
        parts |= {part.folder: encoder, part.tokenizer: tokenizer}
    parts["scheduler"] = diffusers.DPMSolverMultistepScheduler.from_config(bundle.scheduler.config)
    pipe = getattr(diffusers, bundle.spec.pipeline)(**parts)
    pipe.set_progress_bar_config(disable=True)
    with without_autocast(bundle.vae):
        painted: Image.Image = pipe(
            prompt=config.class_prompt,
            width=config.resolution,
            height=config.resolution,
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            generator=torch.Generator("cpu").manual_seed(config.seed + 1 + number),
        ).images[0]
    return painted
