"""A diffusers folder of SD 1.5 or SDXL as one file with the names that Stability's own code gives the weights."""

import json
import re
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

_RESNET = (
    ("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("time_emb_proj", "emb_layers.1"),
    ("norm2", "out_layers.0"), ("conv2", "out_layers.3"), ("conv_shortcut", "skip_connection"),
)  # fmt: skip
_UNET = (
    (r"time_embedding\.linear_1", lambda m: "time_embed.0"),
    (r"time_embedding\.linear_2", lambda m: "time_embed.2"),
    (r"conv_in", lambda m: "input_blocks.0.0"),
    (r"conv_norm_out", lambda m: "out.0"),
    (r"conv_out", lambda m: "out.2"),
    (r"down_blocks\.(\d)\.resnets\.(\d)", lambda m: f"input_blocks.{3 * int(m[1]) + int(m[2]) + 1}.0"),
    (r"down_blocks\.(\d)\.attentions\.(\d)", lambda m: f"input_blocks.{3 * int(m[1]) + int(m[2]) + 1}.1"),
    (r"down_blocks\.(\d)\.downsamplers\.0\.conv", lambda m: f"input_blocks.{3 * int(m[1]) + 3}.0.op"),
    (r"mid_block\.resnets\.(\d)", lambda m: f"middle_block.{2 * int(m[1])}"),
    (r"mid_block\.attentions\.0", lambda m: "middle_block.1"),
    (r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"output_blocks.{3 * int(m[1]) + int(m[2])}.0"),
    (r"up_blocks\.(\d)\.attentions\.(\d)", lambda m: f"output_blocks.{3 * int(m[1]) + int(m[2])}.1"),
    (r"up_blocks\.(\d)\.upsamplers\.0\.conv", lambda m: f"output_blocks.{3 * int(m[1]) + 2}.2.conv"),
    (r"add_embedding\.linear_1", lambda m: "label_emb.0.0"),
    (r"add_embedding\.linear_2", lambda m: "label_emb.0.2"),
)
_UNET_SD15 = ((r"up_blocks\.0\.upsamplers\.0\.conv", lambda m: "output_blocks.2.1.conv"), *_UNET)  # no attention there
_OPEN_CLIP = (
    (r"^text_model\.", lambda m: ""),
    (r"^embeddings\.token_embedding", lambda m: "token_embedding"),
    (r"^embeddings\.position_embedding\.weight", lambda m: "positional_embedding"),
    (r"^encoder\.layers\.", lambda m: "transformer.resblocks."),
    (r"\.layer_norm(\d)\.", lambda m: f".ln_{m[1]}."),
    (r"\.self_attn\.out_proj\.", lambda m: ".attn.out_proj."),
    (r"\.mlp\.fc1\.", lambda m: ".mlp.c_fc."),
    (r"\.mlp\.fc2\.", lambda m: ".mlp.c_proj."),
    (r"^final_layer_norm\.", lambda m: "ln_final."),
)
_VAE = (
    (r"conv_norm_out", lambda m: "norm_out"),
    (r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}"),
    (r"mid_block\.attentions\.0", lambda m: "mid.attn_1"),
    (r"down_blocks\.(\d)\.resnets\.(\d)", lambda m: f"down.{m[1]}.block.{m[2]}"),
    (r"down_blocks\.(\d)\.downsamplers\.0\.conv", lambda m: f"down.{m[1]}.downsample.conv"),
    (r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{3 - int(m[1])}.block.{m[2]}"),
    (r"up_blocks\.(\d)\.upsamplers\.0\.conv", lambda m: f"up.{3 - int(m[1])}.upsample.conv"),
    (r"conv_shortcut", lambda m: "nin_shortcut"),
    (r"group_norm", lambda m: "norm"),
    (r"to_out\.0", lambda m: "proj_out"),
    (r"to_([qkv])\b", lambda m: m[1]),
)


def write_single_file(folder: Path, file: Path, family: str = "sd15") -> Path:
    """The weights of `folder` as one file; the folder also becomes a valid configuration for it."""
    large = family == "sdxl"
    write_index(folder, large)
    rules = _UNET if large else _UNET_SD15
    tensors = _renamed(folder / "unet", rules, "model.diffusion_model.", resnets=True)
    tensors |= _renamed(folder / "vae", _VAE, "first_stage_model.", resnets=False)
    text = load_file(folder / "text_encoder" / "model.safetensors")
    prefix = "conditioner.embedders.0.transformer." if large else "cond_stage_model.transformer."
    tensors |= {f"{prefix}text_model.{name.removeprefix('text_model.')}": one for name, one in text.items()}
    if large:
        tensors |= _open_clip(load_file(folder / "text_encoder_2" / "model.safetensors"))
    save_file(tensors, file)
    return file


def write_index(folder: Path, large: bool) -> None:
    index: dict[str, Any] = {"_class_name": "StableDiffusionXLPipeline" if large else "StableDiffusionPipeline"}
    parts = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "scheduler": "DDPMScheduler"}
    index |= {name: ["diffusers", kind] for name, kind in parts.items()}
    index |= {"text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"]}
    if large:
        index["text_encoder_2"] = ["transformers", "CLIPTextModelWithProjection"]
        index["tokenizer_2"] = ["transformers", "CLIPTokenizer"]
    else:
        index["safety_checker"] = [None, None]
    (folder / "model_index.json").write_text(json.dumps(index))


def _open_clip(tensors: dict[str, Any]) -> dict[str, Any]:
    """SDXL's second text encoder: q, k and v in one matrix, the projection the other way round."""
    import torch

    renamed = {}
    for old, tensor in tensors.items():
        name = old
        for pattern, new in _OPEN_CLIP:
            name = re.sub(pattern, new, name)
        renamed[name] = tensor
    joined: dict[str, Any] = {}
    for name in [one for one in renamed if ".self_attn.q_proj." in one]:
        parts = [renamed.pop(name.replace("q_proj", f"{letter}_proj")) for letter in "qkv"]
        joined[re.sub(r"\.self_attn\.q_proj\.", ".attn.in_proj_", name)] = torch.cat(parts)
    joined["text_projection"] = renamed.pop("text_projection.weight").T
    return {f"conditioner.embedders.1.model.{name}": one.contiguous() for name, one in (renamed | joined).items()}


def _renamed(folder: Path, rules: Any, prefix: str, resnets: bool) -> dict[str, Any]:
    renamed = {}
    for old, tensor in load_file(folder / "diffusion_pytorch_model.safetensors").items():
        name = old
        for pattern, new in rules:
            name = re.sub(pattern, new, name)
        if resnets and ".resnets." in old:
            for ours, theirs in _RESNET:
                name = name.replace(f".{ours}.", f".{theirs}.")
        if not resnets and re.search(r"attn_1\.(q|k|v|proj_out)\.weight", name):
            tensor = tensor[..., None, None]  # a 1x1 convolution there
        renamed[prefix + name] = tensor.contiguous()
    return renamed
