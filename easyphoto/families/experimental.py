"""The second base model that ships: a conditional inpainting U-Net on upright frames of faces, an experiment.

Fusion alone is still nearer to the person (docs/benchmarks.md), so that it is no default.
"""

from __future__ import annotations

from easyphoto.domain.hints import HintKind
from easyphoto.families import ModelFamily
from easyphoto.families.base import DIFFUSERS_ONLY, FamilySpec, LoraMarks, ValidationSettings, short_side


def _detail(strength: float) -> float:
    """All of the fine detail up to .5, from pure noise a quarter: it no longer fits what was painted."""
    return min(1.0, max(0.25, 1 - 1.5 * (strength - 0.5)))


SPEC = FamilySpec(
    id=ModelFamily.EXPERIMENTAL,
    label="experimental",
    working_scale=short_side(256),  # of the frame, in which a face is 176 pixels wide
    # From pure noise and without reference, whom the picture shows the LoRA alone decides.
    validation=ValidationSettings(strength=1.0, steps=12, cfg_scale=1.0, template_scale=3),
    lora=LoraMarks(("easyphoto_inpaint",)),
    renderer="face-inpaint",
    folder="builtin/inpaint",
    train_defaults={
        "resolution": 256,
        "max_steps": 120,  # about 80 s on two quiet cores
        "steps_per_photo": 120,
        "save_steps": 60,
        "accumulation": 1,
        "batch_size": 8,
        "rank": 32,
        "alpha": 32,
        "learning_rate": 1e-3,
        "text_encoder_lr": 0.0,
        "lr_scheduler": "cosine",
        "masked_loss": True,
    },
    # Fusion brings the person; one pass at .5 evens seams and light by what the model knows of faces.
    portrait_defaults={
        "fusion_before_ratio": 1.0,
        "fusion_after": False,
        "fusion_after_ratio": 1.0,
        "color_first": False,
        "color_last": False,
        "first_steps": 20,
        "first_denoising_strength": 0.5,
        "second_pass": False,
        "second_denoising_strength": 0.3,
        "lora_weight": 1.0,
        "cfg_scale": 1.0,
    },
    # It reads a few measured words of light and sharpness only, which change nothing one can see.
    without_effect=("prompt", "negative_prompt", "cfg_scale", *DIFFUSERS_ONLY),
    engine_multiple=32,
    lora_required=False,
    fusion_required=True,
    carried_detail=_detail,
    crop="upright",
    pose_guide="picture",
    landmarks=True,
    within_fusion=True,
    own_hints=frozenset(HintKind),
    more_hints=((HintKind.TILE, 1.0),),  # the fused face as reference
    original_defaults=False,
)
