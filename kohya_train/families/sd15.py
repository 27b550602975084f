"""Stable Diffusion 1.5 and what was made from it."""

from __future__ import annotations

from kohya_train.checkpoint_architecture import fit_clip, fit_unet, fit_vae
from kohya_train.families.base import TextEncoder, TrainerSpec, last_states, plain_autoencoder, with_pipeline

_NO_CHECKER = {"safety_checker": None, "feature_extractor": None}

SPEC = TrainerSpec(
    base_version="sd_v1",
    architecture="stable-diffusion-v1/lora",
    text_encoders=(TextEncoder("text_encoder", "CLIPTextModel", "lora_te"),),
    text_states=last_states,
    module_counts=lambda unet, text: (72, 192),
    repaint=with_pipeline("StableDiffusionInpaintPipeline", **_NO_CHECKER, requires_safety_checker=False),
    autoencoder=plain_autoencoder,
    pipeline="StableDiffusionPipeline",
    pipeline_options=_NO_CHECKER,
    fits={"unet": fit_unet, "vae": fit_vae, "text_encoder": fit_clip("cond_stage_model.transformer.")},
)
