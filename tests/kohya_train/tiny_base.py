"""Tiny base models with the true block structure of their families: narrow, but as deep as the real ones."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CAPTION = "easyphoto_face, easyphoto, 1person"
WIDTH = 8
SECOND = 16
"""Width of SDXL's second text encoder; diffusers tells the two apart by it."""


def make_base(folder: Path, family: str) -> Path:
    """A diffusers folder with random weights from a fixed seed."""
    import torch
    from diffusers import DDPMScheduler, UNet2DConditionModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        UNet2DConditionModel(**UNETS[family]).save_pretrained(folder / "unet")
        _autoencoder(family).save_pretrained(folder / "vae")
        for name, encoder in _text_encoders(family).items():
            encoder.save_pretrained(folder / name)
            write_tokenizer(folder / name.replace("text_encoder", "tokenizer"))
    DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
    ).save_pretrained(folder / "scheduler")
    return folder


_SMALL = {"norm_num_groups": 4, "sample_size": 8, "attention_head_dim": 2}
UNETS: dict[str, dict[str, Any]] = {
    "sd15": {"block_out_channels": (WIDTH,) * 4, "cross_attention_dim": WIDTH, **_SMALL},
    "sdxl": {
        "block_out_channels": (WIDTH,) * 3,
        "cross_attention_dim": WIDTH + SECOND,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 4,
        "projection_class_embeddings_input_dim": 6 * 4 + SECOND,
        **_SMALL,
    },
    "built-in": {
        "in_channels": 12,
        "out_channels": 12,
        "block_out_channels": (WIDTH, 2 * WIDTH),
        "cross_attention_dim": WIDTH,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "layers_per_block": 1,
        **_SMALL,
    },
}


def _autoencoder(family: str) -> Any:
    if family == "built-in":
        from builtin_model.autoencoder import PatchAutoencoder

        return PatchAutoencoder()
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(WIDTH,) * 4,
        norm_num_groups=4,
        layers_per_block=1,
        latent_channels=4,
    )


def _text_encoders(family: str) -> dict[str, Any]:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    def config(layers: int, width: int = WIDTH) -> Any:
        return CLIPTextConfig(
            hidden_size=width,
            intermediate_size=width,
            num_hidden_layers=layers,
            num_attention_heads=2,
            projection_dim=width,
            vocab_size=len(_vocabulary()),
            bos_token_id=len(_vocabulary()) - 2,
            eos_token_id=len(_vocabulary()) - 1,
        )

    if family == "sdxl":
        return {
            "text_encoder": CLIPTextModel(config(12)),
            "text_encoder_2": CLIPTextModelWithProjection(config(32, SECOND)),
        }
    return {"text_encoder": CLIPTextModel(config(2 if family == "built-in" else 12))}


def _vocabulary() -> dict[str, int]:
    letters = [chr(code) for code in range(33, 127)]
    tokens = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return {token: index for index, token in enumerate(tokens)}


def write_tokenizer(folder: Path) -> None:
    """A CLIP tokenizer that spells."""
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps(_vocabulary()), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "<|endoftext|>"}),
        encoding="utf-8",
    )


def make_pictures(folder: Path, count: int = 3) -> Path:
    """A prepared folder: smooth colour pictures of different shapes with captions."""
    (folder / "train").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        small = Image.fromarray(rng.integers(0, 255, (4, 4, 3), dtype=np.uint8))
        small.resize((96, 80 + 16 * number), Image.Resampling.BICUBIC).save(folder / "train" / f"{number}.png")
        (folder / "train" / f"{number}.txt").write_text(CAPTION, encoding="utf-8")
    return folder


def make_template(folder: Path, size: tuple[int, int]) -> tuple[Path, Path]:
    """A grey picture and a mask of its middle."""
    folder.mkdir(parents=True, exist_ok=True)
    picture, mask = folder / f"{size[0]}.png", folder / f"{size[0]}-mask.png"
    Image.new("RGB", size, (120, 110, 100)).save(picture)
    inner = Image.new("L", (size[0] // 2, size[1] // 2), 255)
    whole = Image.new("L", size, 0)
    whole.paste(inner, (size[0] // 4, size[1] // 4))
    whole.save(mask)
    return picture, mask
