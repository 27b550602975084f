"""Base models and LoRA files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from easyphoto.families import ModelFamily

BUILTIN_CHECKPOINT = "built-in"
"""The name under which the base model that ships with the program is asked for."""


@dataclass(frozen=True)
class Checkpoint:
    """A base model an engine can render with."""

    name: str
    family: ModelFamily
    file: Path | None = None  # a single file or a diffusers folder; None when the host knows it by name


@dataclass(frozen=True)
class LoraCheckpoint:
    """A LoRA file of the trainer's, or the merged one."""

    file: Path
    family: ModelFamily
    rank: int
    step: int
    distance: float | None = None  # mean L2 distance of its validation images to the training photos; lower is nearer


LORA_TRIGGER = "easyphoto_face, easyphoto, 1person"
"""The caption of every training picture, and so the words that a portrait's prompt begins with."""


@dataclass(frozen=True)
class LoraUse:
    """A LoRA with the weight it is applied at."""

    file: Path
    weight: float
