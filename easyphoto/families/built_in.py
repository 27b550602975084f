"""The base model that ships with the program: small, and trained for this one purpose."""

from __future__ import annotations

from easyphoto.families import ModelFamily
from easyphoto.families.base import DIFFUSERS_ONLY, FamilySpec, LoraMarks, ValidationSettings, short_side, whole_detail

SPEC = FamilySpec(
    id=ModelFamily.BUILTIN,
    label="built-in",
    working_scale=short_side(512),
    # It repaints only lightly; it has no use for guidance.
    validation=ValidationSettings(strength=0.5, steps=10, cfg_scale=1.0),
    lora=LoraMarks(("easyphoto_builtin", "easyphoto_embedded")),  # the second in files written before 0.1.0
    renderer="built-in",
    folder="builtin/base",
    train_defaults={
        # Measured on six people and six templates: neither the LoRA nor the passes change anything one can see.
        "train_lora": False,
        "resolution": 256,
        "max_steps": 200,
        "steps_per_photo": 25,
        "save_steps": 50,
        "accumulation": 1,
        "batch_size": 4,
        "rank": 16,
        "alpha": 16,
        "learning_rate": 3e-4,
        "text_encoder_lr": 1e-4,
        "masked_loss": True,
    },
    # Fusion alone makes the portrait. The passes, and the fusion after the first, stay as an explicit choice.
    portrait_defaults={
        "fusion_before_ratio": 1.0,
        "fusion_after": False,
        "fusion_after_ratio": 1.0,
        # Fusion brings the template's light already, and the carried detail keeps colour: matching skin once
        # more only deepened the template's own light and shade (seen on a forehead in the sun).
        "color_first": False,
        "color_last": False,
        "first_steps": 30,
        "first_denoising_strength": 0.0,
        "second_pass": False,
        # Where it is turned on: hardly any likeness is lost, and two steps do (models/builtin/base/README.md).
        "second_denoising_strength": 0.10,
        "cfg_scale": 1.0,
        "require_control": False,  # there are no ControlNets for it
    },
    # No pass paints with these defaults, so nothing is drawn by chance or follows a text.
    without_effect=(
        *("prompt", "negative_prompt", "seed", "best_of", "variations", "cfg_scale", "lora_weight"),
        *DIFFUSERS_ONLY,
    ),
    engine_multiple=32,
    lora_required=False,
    fusion_required=True,
    carried_detail=whole_detail,
    original_defaults=False,
)
