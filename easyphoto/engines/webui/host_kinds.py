"""The WebUIs that can be rendered with, one value each: everything in which one differs from another."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from easyphoto.domain import HintKind, Pixels

UNION_TYPES = {HintKind.CANNY: "Hard Edge", HintKind.POSE: "OpenPose", HintKind.TILE: "Tile"}
"""What A1111's ControlNet calls the hints of a union model."""

SOURCE_VARIABLE = "STABLE_DIFFUSION_REPO"
"""Of the environment: where a host fetches that source from instead."""

NO_UNIONS: Mapping[HintKind, str] = MappingProxyType({})
NEO_UNION_TYPES = {HintKind.CANNY: "Canny", HintKind.POSE: "OpenPose", HintKind.TILE: "Tile"}


@dataclass(frozen=True)
class ControlNetKind:
    """How a host's ControlNet is found and told what to do."""

    extension: str  # the folder that holds it
    builtin: bool  # belongs to the host, which forbids any other
    package: str  # that has external_code
    no_preprocessor: str
    union_field: str  # of a unit, says what a union model is shown; "" where unions are not told
    union_types: Mapping[HintKind, str]
    fields: Callable[[Any, Pixels], dict[str, Any]]  # external_code and RGB picture -> image and modes of a unit

    def code(self) -> Any:
        """The module with `ControlNetUnit`. Raises ImportError."""
        return importlib.import_module(f"{self.package}.external_code")

    def names(self) -> Any:
        """The module that lists the models. Raises ImportError."""
        return importlib.import_module(f"{self.package}.global_state") if self.builtin else self.code().global_state


@dataclass(frozen=True)
class HostKind:
    """One kind of WebUI."""

    name: str
    one_thread: bool  # pictures are generated in the thread of modules_forge.main_thread alone
    multiple: int  # sides of a picture are rounded to multiples of it
    lazy: bool  # loads a checkpoint when it is needed, and its own again by itself
    vae_by_path: bool  # the option forge_additional_modules names it; else sd_vae
    maps_apart: bool  # control pictures come back in `extra_images`, else after the pictures
    applied: Callable[[Any, Sequence[Any]], int]  # loaded model and networks -> layers that have a LoRA's module
    unload: Callable[[Any], None] | None  # sd_models; frees the device; None: models are sent to the CPU and back
    vae: Callable[[Any], tuple[Any, Any, str]]  # loaded model -> its VAE, and object and field that say its precision
    controlnet: ControlNetKind
    lost_source: str = ""  # a repository that its installation fetches and that is gone; see `SOURCE_VARIABLE`


def kind_of(sd_models: Any) -> HostKind:
    """By what its module `sd_models` has."""
    if hasattr(sd_models, "forge_model_reload"):
        return FORGE if hasattr(sd_models, "SkipWritingToConfig") else FORGE_NEO
    return REFORGE if "modules_forge" in sys.modules else A1111


def _in_networks(model: Any, networks: Sequence[Any]) -> int:
    return sum(len(network.modules) for network in networks)


def _in_patches_by_file(model: Any, networks: Sequence[Any]) -> int:
    files = {str(network.network_on_disk.filename) for network in networks}
    return sum(
        len(patches)
        for patcher in _patchers(model)
        for (file, *_), layers in patcher.lora_patches.items()
        if file in files
        for patches in layers.values()
    )


def _in_patches(model: Any, networks: Sequence[Any]) -> int:
    """Patches do not tell their file here, and nothing but LoRAs makes any before controls are added to a clone."""
    return sum(len(patches) for patcher in _patchers(model) for patches in patcher.patches.values())


def _patchers(model: Any) -> tuple[Any, Any]:
    applied = model.forge_objects_after_applying_lora
    return applied.unet, applied.clip.patcher


def _unload_weights(sd_models: Any) -> None:
    sd_models.unload_model_weights()


def _unload_all(sd_models: Any) -> None:
    """There the host's functions that send models to the CPU and back do nothing."""
    importlib.import_module("ldm_patched.modules.model_management").unload_all_models()


def _vae_by_devices(model: Any) -> tuple[Any, Any, str]:
    return model.first_stage_model, importlib.import_module("modules.devices"), "dtype_vae"


def _vae_of_its_own(model: Any) -> tuple[Any, Any, str]:
    vae = model.forge_objects.vae
    return vae.first_stage_model, vae, "vae_dtype"


def _words(code: Any, picture: Pixels) -> dict[str, Any]:
    return {"image": picture, "resize_mode": "Just Resize", "control_mode": "Balanced"}


def _words_and_drawing(code: Any, picture: Pixels) -> dict[str, Any]:
    """Without a drawing Forge compares a missing one with a number when the picture is all black."""
    return {**_words(code, picture), "image_fg": np.zeros((*picture.shape[:2], 4), np.uint8)}


def _enums_and_mask(code: Any, picture: Pixels) -> dict[str, Any]:
    """Words become enums only in units that came through the HTTP API."""
    return {
        "image": {"image": picture, "mask": np.zeros_like(picture)},
        "resize_mode": code.ResizeMode.RESIZE,
        "control_mode": code.ControlMode.BALANCED,
    }


def _forges(
    fields: Callable[[Any, Pixels], dict[str, Any]], union_field: str = "", types: Mapping[HintKind, str] = NO_UNIONS
) -> ControlNetKind:
    """The one that is part of Forge and of what was made from it."""
    return ControlNetKind("sd_forge_controlnet", True, "lib_controlnet", "None", union_field, types, fields)


A1111 = HostKind(
    "AUTOMATIC1111",
    one_thread=False,
    multiple=8,
    lazy=False,
    vae_by_path=False,
    maps_apart=False,
    applied=_in_networks,
    unload=None,
    vae=_vae_by_devices,
    controlnet=ControlNetKind(
        "sd-webui-controlnet", False, "internal_controlnet", "none", "union_control_type", UNION_TYPES, _words
    ),
    lost_source="Stability-AI/stablediffusion",
)
FORGE = HostKind(
    "Forge",
    one_thread=True,
    multiple=8,
    lazy=True,
    vae_by_path=True,
    maps_apart=True,
    applied=_in_patches_by_file,
    unload=_unload_weights,
    vae=_vae_of_its_own,
    controlnet=_forges(_words_and_drawing),
)
FORGE_NEO = HostKind(
    "Forge Neo",
    one_thread=True,
    multiple=64,
    lazy=True,
    vae_by_path=True,
    maps_apart=True,
    applied=_in_patches,
    unload=_unload_weights,
    vae=_vae_of_its_own,
    controlnet=_forges(_words_and_drawing, "type_filter", NEO_UNION_TYPES),
)
REFORGE = HostKind(
    "reForge",
    one_thread=True,
    multiple=8,
    lazy=False,
    vae_by_path=False,
    maps_apart=True,
    applied=_in_patches,
    unload=_unload_all,
    vae=_vae_of_its_own,
    controlnet=_forges(_enums_and_mask),
)
"""Forge Classic is of this kind, too."""
