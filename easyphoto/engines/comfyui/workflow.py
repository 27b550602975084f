"""What a workflow of ComfyUI's has wired to a node: its own model, text encoder, autoencoder and ControlNets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from easyphoto.domain import HintKind, ModelFamily
from easyphoto.errors import BadModel
from easyphoto.families import specs

TEXT_TO_IMAGE = 4
"""Channels that a U-Net reads which was not made for inpainting, whose conditioning is another one."""


@dataclass(frozen=True, eq=False)
class Workflow:
    """Objects of ComfyUI's, none of which is ever changed: it clones what it patches."""

    model: Any  # ModelPatcher
    clip: Any  # CLIP
    vae: Any  # VAE
    controls: Mapping[HintKind, Any] = field(default_factory=dict)  # ControlNet by what it is shown

    @property
    def family(self) -> ModelFamily:
        """Raises BadModel for a model of a family that is not ours."""
        return family_of(self.model)


def family_of(model: Any) -> ModelFamily:
    """Of a ModelPatcher, by the class of its configuration. Raises BadModel."""
    config = model.model.model_config
    name = type(config).__name__
    known = {spec.probe.comfyui_class: spec.id for spec in specs() if spec.probe is not None}
    if name not in known:
        raise BadModel("comfyui.other-family", stage="render", name=name, known=[one for one in known if one])
    if config.unet_config.get("in_channels", TEXT_TO_IMAGE) != TEXT_TO_IMAGE:
        raise BadModel("comfyui.inpainting-model", stage="render")
    return known[name]
