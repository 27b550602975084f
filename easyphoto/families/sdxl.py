"""Stable Diffusion XL and what was made from it."""

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
    area,
    has_prefix,
)

_COLLECTION = "lllyasviel/sd_control_collection"
_UNION = ("controlnet_union_sdxl", "xinsir_controlnet_union_sdxl")
_ITS_OWN = "see its page"


def _is_folder(index: Config, unet: Config) -> bool:
    """The refiner has the second text encoder alone."""
    return all((index.get(part) or [None])[0] for part in ("text_encoder", "text_encoder_2"))


def _is_control(shapes: Shapes) -> bool:
    return any("label_emb." in name or name.startswith("add_embedding.") for name in shapes)


SPEC = FamilySpec(
    id=ModelFamily.SDXL,
    label="SDXL",
    working_scale=area(1024 * 1024),
    validation=ValidationSettings(
        strength=0.65,
        steps=20,
        cfg_scale=7.0,
        negative_prompt="worst quality, low quality, blurry, deformed face, bad anatomy, text, watermark, logo",
    ),
    lora=LoraMarks(("sdxl",), cross_attention=2048),
    renderer="diffusers",
    identity_layers=70,
    train_defaults={"resolution": 1024, "max_steps": 600, "rank": 32, "alpha": 16, "gradient_checkpointing": True},
    probe=Probe(
        is_checkpoint=has_prefix("conditioner.embedders.1."),
        is_folder=_is_folder,
        is_control=_is_control,
        is_control_folder=lambda config: config.get("addition_embed_type") == "text_time",
        host_flag="is_sdxl",
        comfyui_class="SDXL",
        host_word="xl",
    ),
    controls={
        HintKind.CANNY: ControlFiles(
            (
                "controlnet_canny_sdxl",
                "xinsir_controlnet_canny_sdxl",
                "diffusers_xl_canny_full",
                "diffusers_xl_canny_mid",
                "sai_xl_canny_256lora",
                "sai_xl_canny_128lora",
                *_UNION,
                "diffusers_xl_canny_small",
                "t2i_adapter_diffusers_xl_canny",
                "t2i_adapter_xl_canny",
            ),
            "diffusers_xl_canny_full.safetensors",
            _COLLECTION,
            _ITS_OWN,
            "sdxl-canny",
        ),
        HintKind.POSE: ControlFiles(
            (
                "controlnet_openpose_sdxl",
                "xinsir_controlnet_openpose_sdxl",
                "thibaud_xl_openpose",
                *_UNION,
                "t2i_adapter_diffusers_xl_openpose",
                "t2i_adapter_xl_openpose",
            ),
            "thibaud_xl_openpose.safetensors",
            _COLLECTION,
            _ITS_OWN,
            "sdxl-openpose",
        ),
        HintKind.TILE: ControlFiles(
            (
                "ttplanetsdxlcontrolnet",
                "ttplanet_controlnet_tile",
                "ttplanet_sdxl_controlnet_tile",
                "controlnet_tile_sdxl",
                "xinsir_controlnet_tile_sdxl",
                *(f"{name}_1_0_promax" for name in _UNION),
            ),
            "TTPLANET_Controlnet_Tile_realistic_v2_fp16.safetensors",
            "TTPlanet/TTPLanet_SDXL_Controlnet_Tile_Realistic",
            _ITS_OWN,
            "sdxl-tile",
        ),
    },
    lcm_lora="lcm-sdxl",
    pipelines=Pipelines(
        "StableDiffusionXLPipeline", "StableDiffusionXLInpaintPipeline", "StableDiffusionXLControlNetInpaintPipeline"
    ),
)
