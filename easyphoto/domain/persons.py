"""What lies on disk: trained persons and templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from easyphoto.domain.models import BUILTIN_CHECKPOINT, LoraCheckpoint
from easyphoto.locales import Message


@dataclass(frozen=True)
class Person:
    """A trained person on disk."""

    id: str  # safe slug, the folder's name
    name: str  # as shown
    folder: Path
    lora: LoraCheckpoint | None
    reference: Path  # the reference photo: source of fusion and of the likeness score
    face_id: Path | None  # best validation image
    photos: tuple[Path, ...]  # prepared photos: fusion picks the one nearest in pose
    base_model: str = BUILTIN_CHECKPOINT
    created: str = ""  # ISO 8601 UTC
    report: Path | None = None
    warnings: tuple[Message, ...] = ()
    recognizer: str = ""  # of the toolbox that measured the LoRA's distance; no other one's thresholds say anything


@dataclass(frozen=True)
class TemplateFacts:
    """What is known of a template that ships with the program."""

    title: Mapping[str, str]  # by language
    tags: tuple[str, ...]
    people: int  # faces that can be given to a person
    validation: bool  # frontal and alone: validation images of a training are made with it
    source: str
    license: str  # SPDX
    changes: str  # what was done to the source's picture


@dataclass(frozen=True)
class Template:
    """A picture whose faces are repainted."""

    file: Path
    name: str
    facts: TemplateFacts | None = None  # of one that ships
    turn: int = 0  # how many portraits of it come before this one; each has seeds of its own

    @property
    def has_picture(self) -> bool:
        """Whether there is one; `NO_TEMPLATE` stands where a prompt alone says what is drawn."""
        return self.file != NO_TEMPLATE.file


NO_TEMPLATE = Template(Path(), "text")


@dataclass(frozen=True)
class StoredTemplate(Template):
    """A template of the library."""

    id: str = ""  # says nothing of its place
    own: bool = False  # the user's; the others ship with the program
