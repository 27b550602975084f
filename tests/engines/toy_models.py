"""Stable Diffusion's own classes at toy widths, with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lora_files import Modules

SHIPPED = Path(__file__).resolve().parents[2] / "models"
WIDTHS = (8, 16, 16, 16)


def toy_unet(cross: int, **more: Any) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        **{"block_out_channels": WIDTHS, **more},
        sample_size=64,
        cross_attention_dim=cross,
        attention_head_dim=2,
        norm_num_groups=4,
    )


def toy_vae() -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=WIDTHS,
        layers_per_block=2,
        norm_num_groups=4,
        latent_channels=4,
        sample_size=512,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
    )


def toy_text(kind: Any, tokenizer: Any) -> Any:
    from transformers import CLIPTextConfig

    end = tokenizer.eos_token_id
    return kind(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2,
            num_attention_heads=2, projection_dim=16, bos_token_id=end - 1, eos_token_id=end, pad_token_id=end,
        )
    ).eval()  # fmt: skip


def toy_tokenizer() -> Any:
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(SHIPPED / "builtin" / "base" / "tokenizer", local_files_only=True)


def toy_sd15() -> Any:
    import torch
    from diffusers import PNDMScheduler, StableDiffusionPipeline
    from transformers import CLIPTextModel

    torch.manual_seed(0)
    tokenizer = toy_tokenizer()
    return StableDiffusionPipeline(
        vae=toy_vae(), text_encoder=toy_text(CLIPTextModel, tokenizer), tokenizer=tokenizer, unet=toy_unet(16),
        scheduler=PNDMScheduler(beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def toy_sdxl() -> Any:
    import torch
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(0)
    tokenizer = toy_tokenizer()
    unet = toy_unet(
        32, addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=64
    )
    return StableDiffusionXLPipeline(
        vae=toy_vae(), text_encoder=toy_text(CLIPTextModel, tokenizer), tokenizer=tokenizer, tokenizer_2=tokenizer,
        text_encoder_2=toy_text(CLIPTextModelWithProjection, tokenizer), unet=unet,
        scheduler=EulerDiscreteScheduler(beta_schedule="scaled_linear"),
    )  # fmt: skip


def toy_control(unet: Any) -> Any:
    """Its zero convolutions made non-zero, so that it acts."""
    import torch
    from diffusers import ControlNetModel

    control = ControlNetModel.from_unet(unet)
    with torch.no_grad():
        for name, weight in control.named_parameters():
            if name.startswith(("controlnet_down", "controlnet_mid", "controlnet_cond_embedding.conv_out")):
                weight.normal_(0, 0.3)
    return control


def attention_modules(network: Any, prefix: str, width: int = 0) -> Modules:
    """Random (up, down) of rank 4 for all attention projections; `width` forces a wrong input size."""
    import torch

    modules = {}
    for name, layer in network.named_modules():
        if isinstance(layer, torch.nn.Linear) and any(part in name for part in ("attn", "mlp")):
            down = torch.randn(4, width or layer.in_features).numpy()
            up = torch.randn(layer.out_features, 4).numpy()
            modules[f"{prefix}_{name.replace('.', '_')}"] = (up, down)
    return modules
