"""What a renderer of the local engine is, and what the engine holds in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from easyphoto.domain import Checkpoint, HintKind, RenderJob
from easyphoto.engines.local.memory import offloads_of
from easyphoto.engines.local.pipelines import DevicePlacement
from easyphoto.locales import Message
from easyphoto.progress import Progress


@dataclass(frozen=True)
class Folders:
    """Where a renderer finds what is no part of the checkpoint."""

    controls: Path  # ControlNets, files or diffusers folders
    configs: Path  # a folder a family with the architecture of single files
    vaes: Path  # autoencoders, files or diffusers folders
    identity: Path  # identity adapters and the image encoder that they share


@dataclass(frozen=True)
class ModelChoice:
    """What is to be held in memory."""

    checkpoint: Checkpoint
    placing: DevicePlacement
    vae: Path | None = None  # in place of the checkpoint's own


Painted = tuple[Image.Image, tuple[Message, ...]]
"""The picture, and notes on what could not be honored."""


Guide = tuple[Any, Image.Image, float]
"""A ControlNet, the picture that it sees, and its weight."""


@dataclass(frozen=True)
class Renderer:
    """Opens checkpoints of its families and repaints with them."""

    open: Callable[[ModelChoice, Folders], Any]  # a pipeline in that precision, still on the CPU
    paint: Callable[[LoadedModel, RenderJob, Folders, Progress], Painted]  # sides fit the family's `engine_multiple`


@dataclass
class LoadedModel:
    """What the engine holds in memory."""

    asked: ModelChoice
    renderer: Renderer
    base: Any  # a diffusers pipeline, which LoRAs are applied to
    placing: DevicePlacement  # as asked, or in full precision
    controls: dict[HintKind, Any] = field(default_factory=dict)
    image_encoder: Any = None  # of identity adapters
    identity_net: Any = None  # InstantID's ControlNet
    offload: int = 0  # place in `offloads_of` the device

    @property
    def checkpoint(self) -> Checkpoint:
        """The base model."""
        return self.asked.checkpoint

    @property
    def _beside(self) -> tuple[Any, ...]:
        """Networks that are no part of the base."""
        there = (one for one in (self.image_encoder, self.identity_net) if one is not None)
        return (*self.controls.values(), *there)

    def step_down(self) -> bool:
        """Go to the device's next way to work, with less memory. False where there is none."""
        if self.offload + 1 >= len(offloads_of(self.placing.device)):
            return False
        self.offload += 1
        for network in self._beside:
            network.to("cpu")
        return True

    def upcast(self) -> None:
        """To full precision, in place: two copies of a model would not fit."""
        import torch

        self.placing = DevicePlacement(self.placing.device, torch.float32)
        for network in (self.base, *self._beside):
            network.to(dtype=torch.float32)
