"""What lies on disk: trained persons and templates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from easyphoto.domain.models import BUILTIN_CHECKPOINT, LoraCheckpoint


@dataclass(frozen=True)
class Person:
    """A trained person on disk."""

    id: str  # safe slug, the folder's name
    name: str  # as shown
    folder: Path
    lora: LoraCheckpoint | None
    reference: Path  # the reference photo: source of fusion and of the likeness score
    face_id: Path | None  # best trial picture
    photos: tuple[Path, ...]  # prepared photos: fusion picks the one nearest in pose
    base_model: str = BUILTIN_CHECKPOINT
    created: str = ""  # ISO 8601 UTC
    report: Path | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Template:
    """A picture whose faces are repainted."""

    file: Path
    name: str
