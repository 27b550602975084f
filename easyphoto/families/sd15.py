"""Stable Diffusion 1.5 and what was made from it."""

from __future__ import annotations

from easyphoto.domain.hints import HintKind
from easyphoto.families import ModelFamily
from easyphoto.families.base import (
    Config,
    ControlFiles,
    FamilySpec,
    LoraMarks,
    Pipelines,
    Probe,
    Shapes,
    ValidationSettings,
    has_prefix,
    short_side,
    text_width,
)

_V11 = "comfyanonymous/ControlNet-v1-1_fp16_safetensors"
_SD2_WIDTH = 1024  # of SD 2's text states, which is no family of ours


def _is_folder(index: Config, unet: Config) -> bool:
    return "text_encoder_2" not in index and unet.get("cross_attention_dim") != _SD2_WIDTH


def _is_control(shapes: Shapes) -> bool:
    xl = any("label_emb." in name or name.startswith("add_embedding.") for name in shapes)
    return not xl and text_width(shapes) != _SD2_WIDTH


SPEC = FamilySpec(
    id=ModelFamily.SD15,
    label="SD 1.5",
    working_scale=short_side(512),
    validation=ValidationSettings(
        strength=0.65,
        steps=20,
        cfg_scale=9.0,
        negative_prompt="worst quality, low quality, blurry, deformed face, bad anatomy, text, watermark, logo",
    ),
    lora=LoraMarks(("sd_v1",), cross_attention=768),
    renderer="diffusers",
    identity_layers=16,
    probe=Probe(
        is_checkpoint=has_prefix("cond_stage_model.transformer."),
        is_folder=_is_folder,
        is_control=_is_control,
        is_control_folder=lambda config: config.get("addition_embed_type") != "text_time",
        host_flag="is_sd1",
        comfyui_class="SD15",
    ),
    controls={
        HintKind.CANNY: ControlFiles(
            (
                "control_v11p_sd15_canny",
                "control_sd15_canny",
                "control_lora_rank128_v11p_sd15_canny",
                "t2iadapter_canny_sd15v2",
                "t2iadapter_canny_sd14v1",
            ),
            "control_v11p_sd15_canny_fp16.safetensors",
            _V11,
            "OpenRAIL",
            "sd15-canny",
        ),
        HintKind.POSE: ControlFiles(
            (
                "control_v11p_sd15_openpose",
                "control_sd15_openpose",
                "control_lora_rank128_v11p_sd15_openpose",
                "t2iadapter_openpose_sd14v1",
            ),
            "control_v11p_sd15_openpose_fp16.safetensors",
            _V11,
            "OpenRAIL",
            "sd15-openpose",
        ),
        HintKind.TILE: ControlFiles(
            ("control_v11f1e_sd15_tile", "control_lora_rank128_v11f1e_sd15_tile", "control_v11u_sd15_tile"),
            "control_v11f1e_sd15_tile_fp16.safetensors",
            _V11,
            "OpenRAIL",
            "sd15-tile",
        ),
        HintKind.COLOR: ControlFiles(
            ("control_sd15_random_color", "t2iadapter_color_sd14v1", "coadapter_color_sd15v1"),
            "t2iadapter_color_sd14v1.pth",
            "TencentARC/T2I-Adapter",
            "Apache-2.0",
            "sd15-color",
            coarse=("t2iadapter_color", "coadapter_color"),
        ),
    },
    lcm_lora="lcm-sd15",
    pipelines=Pipelines(
        "StableDiffusionPipeline",
        "StableDiffusionInpaintPipeline",
        "StableDiffusionControlNetInpaintPipeline",
        # No checker: docs/base-models.md says what that means.
        {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
        {"requires_safety_checker": False},
    ),
)
