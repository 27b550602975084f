"""LoRA modules inside a base model, by kohya's names and for kohya's targets.

Targets: every Linear and 1x1 convolution inside the U-Net's `Transformer2DModel` blocks, every Linear
inside the text encoder's CLIP attention and MLP. Their number is asserted (a renamed class upstream
would otherwise train nothing and say nothing).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import nn

from kohya_train.contract import TrainConfig
from kohya_train.families.base import WrongCount
from kohya_train.models import Bundle

ADAPTER = "person"


@dataclass(frozen=True, eq=False)
class Network:
    """The trainable modules; keys are kohya's module names, without `.lora_down.weight`."""

    text: Mapping[str, LoraLayer]
    unet: Mapping[str, LoraLayer]
    rank: int
    alpha: float

    def tensors(self) -> dict[str, nn.Parameter]:
        """The live fp32 parameters by kohya's key: down (r, in[, 1, 1]) and up (out, r[, 1, 1])."""
        return dict([*_tensors(self.text), *_tensors(self.unet)])

    def groups(self, config: TrainConfig) -> list[dict[str, Any]]:
        """Optimiser groups: text encoder and U-Net, each at its learning rate."""
        pairs = ((self.text, config.text_encoder_lr), (self.unet, config.learning_rate))
        return [{"params": [p for _, p in _tensors(part)], "lr": lr} for part, lr in pairs if part]


def _tensors(part: Mapping[str, LoraLayer]) -> Iterator[tuple[str, nn.Parameter]]:
    for name, layer in part.items():
        yield f"{name}.lora_down.weight", layer.lora_A[ADAPTER].weight
        yield f"{name}.lora_up.weight", layer.lora_B[ADAPTER].weight


def inject_lora(bundle: Bundle, config: TrainConfig) -> Network:
    """Put LoRA modules into the bundle's models and freeze all else. Raises WrongCount.

    Down is kaiming-uniform (a = sqrt 5) from the config's seed, up is zero: the first step starts at the base model.
    """
    for model in bundle.models:
        model.requires_grad_(False)
    text: dict[str, LoraLayer] = {}
    if config.text_encoder_lr > 0:
        for part, encoder in zip(bundle.spec.text_encoders, bundle.text_encoders, strict=True):
            text |= _inject(encoder, {_text_name(part.prefix, path): path for path in text_targets(encoder)}, config)
    paths = {"lora_unet_" + bundle.spec.unet_name(path).replace(".", "_"): path for path in unet_targets(bundle.unet)}
    network = Network(text, _inject(bundle.unet, paths, config), config.rank, config.alpha)
    _check(network, bundle)
    _initialize(network, config.seed)
    return network


def unet_targets(unet: nn.Module) -> list[str]:
    """Module paths of the Linears and 1x1 convolutions inside `Transformer2DModel` blocks."""
    return [
        f"{outer}.{inner}"
        for outer, block in unet.named_modules()
        if type(block).__name__ == "Transformer2DModel"
        for inner, module in block.named_modules()
        if isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1))
    ]


def text_targets(encoder: nn.Module) -> list[str]:
    """Module paths of the Linears inside CLIP attention and CLIP MLP (whatever attention class is in use)."""
    return [
        f"{outer}.{inner}"
        for outer, block in encoder.named_modules()
        if re.fullmatch(r"CLIP\w*(Attention\w*|MLP)", type(block).__name__)
        for inner, module in block.named_modules()
        if isinstance(module, nn.Linear)
    ]


def _check(network: Network, bundle: Bundle) -> None:
    text, unet = bundle.spec.module_counts(bundle.unet.config, [one.config for one in bundle.text_encoders])
    if len(network.unet) != unet or unet == 0:
        raise WrongCount("unet-modules", found=len(network.unet), family=bundle.family, wanted=unet)
    if network.text and len(network.text) != text:
        raise WrongCount("text-modules", found=len(network.text), family=bundle.family, wanted=text)


def _inject(model: nn.Module, paths: Mapping[str, str], config: TrainConfig) -> dict[str, LoraLayer]:
    if not paths:
        raise WrongCount("no-modules", model=type(model).__name__)
    lora = LoraConfig(r=config.rank, lora_alpha=config.alpha, target_modules=list(paths.values()), lora_dropout=0.0)
    inject_adapter_in_model(lora, model, ADAPTER)
    found = {path: module for path, module in model.named_modules() if isinstance(module, LoraLayer)}
    if strangers := found.keys() - set(paths.values()):
        raise WrongCount("stray-modules", names=sorted(strangers)[:3])
    return {name: found[path] for name, path in paths.items() if path in found}


def _initialize(network: Network, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for name, weight in network.tensors().items():
        weight.data = weight.data.float()
        if name.endswith(".lora_down.weight"):
            bound = 1 / math.sqrt(weight[0].numel())  # what kaiming_uniform_(a=sqrt 5) comes to
            drawn = torch.empty(weight.shape).uniform_(-bound, bound, generator=generator)
            weight.data.copy_(drawn)
        else:
            weight.data.zero_()
        weight.requires_grad_(True)


def _text_name(prefix: str, path: str) -> str:
    # transformers 5 dropped the "text_model." level that the file format has.
    return f"{prefix}_text_model_{path.removeprefix('text_model.')}".replace(".", "_")
