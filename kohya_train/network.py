"""LoRA modules inside a base model, by kohya's names.

Their number is asserted: a renamed class upstream would otherwise train nothing and say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from kohya_train.adapter import Adapter, AdapterSpec, attach
from kohya_train.contract import TrainConfig
from kohya_train.families.base import WrongCount
from kohya_train.models import Bundle
from kohya_train.targets import block_weight, conv_targets, text_targets, unet_targets


@dataclass(frozen=True, eq=False)
class Network:
    """The trainable modules; keys are kohya's module names, without `.lora_down.weight`."""

    text: Mapping[str, Adapter]
    unet: Mapping[str, Adapter]

    @property
    def modules(self) -> dict[str, Adapter]:
        """All of them."""
        return {**self.text, **self.unet}

    def tensors(self) -> dict[str, nn.Parameter]:
        """The live fp32 parameters by kohya's key: down (r, in[, k, k]), up (out, r[, 1, 1]), dora_scale (out, ...)."""
        return {f"{name}.{key}": one for name, layer in self.modules.items() for key, one in layer.tensors().items()}

    def groups(self, config: TrainConfig) -> list[dict[str, Any]]:
        """Optimiser groups of equal learning rate: by network, block and, with LoRA+, up apart from down."""
        by_rate: dict[float, list[nn.Parameter]] = {}
        for part, rate in ((self.text, config.text_encoder_lr), (self.unet, config.learning_rate)):
            for weight, factor in _weighted(part, config.loraplus_lr_ratio):
                by_rate.setdefault(rate * factor, []).append(weight)
        return [{"params": weights, "lr": rate} for rate, weights in by_rate.items()]

    def fold(self, folded: bool) -> None:
        """Compute all LoRAs folded into their layers, or apart from them."""
        for layer in self.modules.values():
            layer.folded = folded

    def limit_norms(self, largest: float) -> int:
        """Scale modules down whose change is larger than that in Frobenius' norm (kohya's max norm); how many."""
        limited = 0
        for layer in self.modules.values():
            size = float(layer.delta().detach().norm())
            if size > largest:
                limited += 1
                share = (largest / size) ** 0.5
                layer.lora_A.weight.data *= share
                layer.lora_B.weight.data *= share
        return limited


def _weighted(part: Mapping[str, Adapter], ratio: float) -> Iterator[tuple[nn.Parameter, float]]:
    for layer in part.values():
        for key, weight in layer.tensors().items():
            yield weight, layer.spec.learning_rate_factor * (ratio if key == "lora_up.weight" else 1.0)


def inject_lora(bundle: Bundle, config: TrainConfig) -> Network:
    """Put LoRA modules into the bundle's models and freeze all else. Raises WrongCount.

    Down is kaiming-uniform (a = sqrt 5) from the config's seed, up is zero: the first step starts at the base model.
    """
    for model in bundle.models:
        model.requires_grad_(False)
    _check(bundle)
    text: dict[str, Adapter] = {}
    if config.text_encoder_lr > 0:
        for part, encoder in zip(bundle.spec.text_encoders, bundle.text_encoders, strict=True):
            names = {_text_name(part.prefix, path): path for path in text_targets(encoder)}
            text |= _attach(encoder, names, {path: _spec(config, encoder, path) for path in names.values()})
    network = Network(text, _unet_modules(bundle, config))
    generator = torch.Generator().manual_seed(config.seed)
    for layer in network.modules.values():
        layer.initialize(generator)
    return network


def _unet_modules(bundle: Bundle, config: TrainConfig) -> dict[str, Adapter]:
    """Those on attention, and with `conv_dim` those on what lies between."""
    paths = unet_targets(bundle.unet)
    if config.conv_dim:
        paths = [*paths, *conv_targets(bundle.unet)]
    specs = {path: _spec(config, bundle.unet, path) for path in paths}
    names = {_unet_name(bundle, path): path for path in paths if specs[path].learning_rate_factor > 0}
    return _attach(bundle.unet, names, specs)


def _unet_name(bundle: Bundle, path: str) -> str:
    return "lora_unet_" + bundle.spec.unet_name(path).replace(".", "_")


def _spec(config: TrainConfig, model: nn.Module, path: str) -> AdapterSpec:
    """Rank and scale of a layer; 3x3 convolutions have their own, as kohya's."""
    layer: Any = model.get_submodule(path)
    wide = isinstance(layer, nn.Conv2d) and layer.kernel_size != (1, 1)
    rank, alpha = (config.conv_dim, config.conv_alpha) if wide else (config.rank, config.alpha)
    scale = alpha / (rank**0.5 if config.rank_stabilized else rank)
    return AdapterSpec(rank, scale, config.dora, block_weight(config, model, path))


def _check(bundle: Bundle) -> None:
    found = len(unet_targets(bundle.unet))
    text, unet = bundle.spec.module_counts(bundle.unet.config, [one.config for one in bundle.text_encoders])
    if found != unet or unet == 0:
        raise WrongCount("unet-modules", found=found, family=bundle.family, wanted=unet)
    there = sum(len(text_targets(encoder)) for encoder in bundle.text_encoders)
    if there != text:
        raise WrongCount("text-modules", found=there, family=bundle.family, wanted=text)


def _attach(model: nn.Module, names: Mapping[str, str], specs: Mapping[str, AdapterSpec]) -> dict[str, Adapter]:
    if not names:
        raise WrongCount("no-modules", model=type(model).__name__)
    return {name: attach(model.get_submodule(path), specs[path]) for name, path in names.items()}


def _text_name(prefix: str, path: str) -> str:
    # transformers 5 dropped the "text_model." level that the file format has.
    return f"{prefix}_text_model_{path.removeprefix('text_model.')}".replace(".", "_")
