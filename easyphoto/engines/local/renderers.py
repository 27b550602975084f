"""The ways of the local engine to paint, by the name that a family has for its own (`FamilySpec.renderer`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from easyphoto.domain import Checkpoint, HintKind, RenderJob
from easyphoto.engines.local import builtin_renderer, diffusers_renderer
from easyphoto.engines.local.pipelines import DevicePlacement
from easyphoto.families import ModelFamily
from easyphoto.locales import Message
from easyphoto.progress import Progress


@dataclass(frozen=True)
class Folders:
    """Where a renderer finds what is no part of the checkpoint."""

    controls: Path  # ControlNets, files or diffusers folders
    configs: Path  # a folder a family with the architecture of single files


Painted = tuple[Image.Image, tuple[Message, ...]]
"""The picture, and notes on what could not be honored."""


@dataclass(frozen=True)
class Renderer:
    """Opens checkpoints of its families and repaints with them."""

    open: Callable[[Checkpoint, Folders, DevicePlacement], Any]  # a pipeline in that precision, still on the CPU
    paint: Callable[[LoadedModel, RenderJob, Folders, Progress], Painted]  # sides fit the family's `engine_multiple`


@dataclass
class LoadedModel:
    """What the engine holds in memory."""

    checkpoint: Checkpoint
    placing: DevicePlacement
    renderer: Renderer
    base: Any  # a diffusers pipeline on its device, which LoRAs are applied to
    controls: dict[HintKind, Any] = field(default_factory=dict)
    saving: bool = False  # memory-saving measures are on


RENDERERS = {
    "diffusers": Renderer(diffusers_renderer.open_model, diffusers_renderer.paint),
    "built-in": Renderer(builtin_renderer.open_model, builtin_renderer.paint),
}


def renderer_of(family: ModelFamily) -> Renderer:
    """The family's."""
    return RENDERERS[family.spec.renderer]
