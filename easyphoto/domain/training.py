"""What the training journey carries: photos, their reports, the set, the request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from easyphoto.domain.faces import Box, Floats, Pose
from easyphoto.domain.models import BUILTIN_CHECKPOINT
from easyphoto.domain.options import check_bounds, option
from easyphoto.errors import BadRequest
from easyphoto.families import ModelFamily
from easyphoto.locales import Message
from easyphoto.stages import PREPARING, TRAINING, Stage


@dataclass(frozen=True)
class Photo:
    """A file the user gave; it is opened where it is needed, never trusted."""

    file: Path
    name: str  # as the user knows it
    override: str = ""  # "keep" or "drop": the user's own verdict


PICTURE_ENDINGS = frozenset(
    f".{ending}"
    for ending in (
        *("avif", "bmp", "dib", "gif", "heic", "heif", "jfif", "jp2", "jpe", "jpeg", "jpg"),
        *("pbm", "pgm", "png", "ppm", "tif", "tiff", "webp"),
    )
)
"""Endings of file names that stand for pictures; what a file really is its content says."""


GOOD_FACE_PX = 300
"""Pixels of a face's shorter side in a photo under which portraits look soft: of the check and of the page's advice."""


MOST_PHOTOS = 15
"""Photos of a person that are used; of more the best are chosen."""


class Verdict(str, Enum):
    """What the photo check says."""

    KEEP = "keep"
    WARN = "warn"
    DROP = "drop"

    @property
    def message(self) -> Message:
        """For people."""
        return Message(f"verdict.{self.value}")


@dataclass(frozen=True)
class PhotoReport:
    """What was found in one photo."""

    name: str
    verdict: Verdict
    reasons: tuple[Message, ...]  # may be empty for KEEP
    faces: int = 0
    size: tuple[int, int] = (0, 0)
    face_px: int = 0  # shorter side of the face box
    sharpness: float = 0.0
    pose: Pose | None = None
    box: Box | None = None  # of the chosen face
    distance: float | None = None  # L2 to the robust centre of the set; lower is nearer
    trained: bool = False  # made it into the training set


@dataclass(frozen=True)
class TrainingSet:
    """A prepared folder: train/N.png + N.txt, metadata.jsonl, reference.png."""

    folder: Path
    pictures: tuple[Path, ...]
    caption: str
    reference: Path
    reports: tuple[PhotoReport, ...]
    embeddings: Floats  # (n, d) of the pictures, same order
    warnings: tuple[Message, ...] = ()
    crops: tuple[Path, ...] = ()  # photos/N.jpg: the same faces, same order, with their background, for fusion


@dataclass(frozen=True)
class TrainRequest:
    """Everything one training needs; defaults are SD 1.5's, `for_family` gives the others."""

    person: str = option("", advanced=False)
    consent: bool = option(False, advanced=False)
    base_model: str = option(BUILTIN_CHECKPOINT, advanced=False)
    faces: str = option("")
    train_lora: bool = option(True)
    continue_from: str = option("", advanced=False)  # a finished person whose LoRA and photos are gone on from
    resolution: int = option(512, low=128, high=2048, step=64)
    save_steps: int = option(100, low=1, high=10000, step=1)
    max_steps: int = option(800, low=1, high=20000, step=1)
    steps_per_photo: int = option(200, low=1, high=2000, step=1)
    batch_size: int = option(4, low=1, high=16, step=1)
    accumulation: int = option(1, low=1, high=64, step=1)
    learning_rate: float = option(1e-4, low=1e-7, high=1e-1)
    text_encoder_lr: float = option(5e-5, low=0.0, high=1e-1)
    rank: int = option(128, low=1, high=320, step=1)
    alpha: int = option(64, low=1, high=320, step=1)
    validation: bool = option(True)
    retouch: bool = option(False)
    enhance_photos: bool = option(True)
    min_snr_gamma: float = option(0.0, low=0.0, high=20.0)
    noise_offset: float = option(0.0, low=0.0, high=0.5)
    gradient_checkpointing: bool = option(False)
    precision: str = option("auto", choices=("auto", "fp32", "fp16", "bf16"))
    processes: int = option(1, low=0, high=64, step=1)
    merge: str = option("rank", choices=("rank", "exact"))
    masked_loss: bool = option(False)
    ema_decay: float = option(0.0, low=0.0, high=0.9999)
    lr_scheduler: str = option("constant", choices=("constant", "linear", "cosine"))
    stop_on_plateau: bool = option(False)
    keep_checkpoints: bool = option(False)
    accept_early: bool = option(False)
    seed: int = option(42, low=0, high=2**32 - 1, step=1)

    def __post_init__(self) -> None:
        check_bounds(self)
        if self.alpha > self.rank:
            raise BadRequest("request.alpha-above-rank", stage="request", alpha=self.alpha, rank=self.rank)

    def steps_for(self, photos: int) -> int:
        """Optimiser steps for that many usable photos."""
        return min(photos * self.steps_per_photo, self.max_steps)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What is done, in order; without a LoRA the photos are all."""
        if not self.train_lora:
            return PREPARING
        return tuple(stage for stage in TRAINING if self.validation or stage is not Stage.VALIDATION)

    @classmethod
    def for_family(cls, family: ModelFamily, **changes: Any) -> TrainRequest:
        """The family's defaults with `changes` on top; what goes on from a LoRA trains it, unless told otherwise."""
        goes_on = {"train_lora": True} if changes.get("continue_from") else {}
        return replace(cls(), **{**family.spec.train_defaults, **goes_on, **changes})
