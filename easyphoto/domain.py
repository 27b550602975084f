"""The nouns that walk through the house, with units, bounds and help at the field.

Pictures are PIL RGB; arrays are uint8 RGB H x W x 3; boxes are (left, top, right, bottom) in
pixels; sizes are (width, height); masks are PIL "L" with 255 = repaint.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from easyphoto.errors import BadRequest

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


# ---------------------------------------------------------------- options


@dataclass(frozen=True)
class Option:
    """What a form, a schema and a command line need to know of a field."""

    label: str
    help: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    advanced: bool = True


def option(
    default: Any,
    label: str,
    help: str,
    **bounds: Any,
) -> Any:
    """A dataclass field that carries its `Option`."""
    return field(default=default, metadata={"option": Option(label, help, **bounds)})


def options_of(kind: type[Any]) -> dict[str, Option]:
    """Field name -> Option, in order, for every field that has one."""
    return {f.name: f.metadata["option"] for f in fields(kind) if "option" in f.metadata}


def check_bounds(request: Any) -> None:
    """Raise BadRequest naming the first field that is outside its bounds or choices."""
    for name, rule in options_of(type(request)).items():
        value = getattr(request, name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if value != value:
                raise BadRequest(f"{name} is not a number.", stage="request")
            if (rule.low is not None and value < rule.low) or (rule.high is not None and value > rule.high):
                raise BadRequest(
                    f"{name} is {value}, outside {rule.low} to {rule.high}.", stage="request", mend=rule.help
                )
        if rule.choices and value not in rule.choices:
            raise BadRequest(
                f"{name} is {value!r}, not one of {', '.join(rule.choices)}.", stage="request", mend=rule.help
            )


# ---------------------------------------------------------------- models


class ModelFamily(str, Enum):
    """Which architecture a base model or a LoRA belongs to."""

    EMBEDDED = "embedded"
    SD15 = "sd15"
    SDXL = "sdxl"


EMBEDDED_CHECKPOINT = "embedded"
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
    likeness: float | None = None  # mean L2 distance of its trial pictures to the training photos; lower is nearer


@dataclass(frozen=True)
class LoraUse:
    """A LoRA with the weight it is applied at."""

    file: Path
    weight: float


# ---------------------------------------------------------------- faces


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels; right and bottom are exclusive."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels."""
        return self.bottom - self.top

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y)."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def area(self) -> float:
        """Square pixels, never negative."""
        return max(0.0, self.width) * max(0.0, self.height)

    def scaled(self, ratio: float) -> Box:
        """About its centre."""
        (x, y), w, h = self.centre, self.width * ratio / 2, self.height * ratio / 2
        return Box(x - w, y - h, x + w, y + h)

    def clipped(self, size: tuple[int, int]) -> Box:
        """To a picture of `size` (width, height)."""
        w, h = size
        return Box(
            min(max(0, self.left), w), min(max(0, self.top), h), max(0, min(w, self.right)), max(0, min(h, self.bottom))
        )

    def rounded(self) -> tuple[int, int, int, int]:
        """As PIL wants it."""
        return round(self.left), round(self.top), round(self.right), round(self.bottom)

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0..1."""
        inner = Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )
        if inner.width <= 0 or inner.height <= 0:
            return 0.0
        return inner.area / (self.area + other.area - inner.area)


@dataclass(frozen=True)
class Pose:
    """Head angles in degrees. yaw > 0: turned to the viewer's right; pitch > 0: looking up; roll > 0: clockwise."""

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, eq=False)
class Face:
    """A face found in a picture, in that picture's pixels."""

    box: Box
    points: Floats  # (5, 2): eye on the picture's left, eye on its right, nose tip, mouth corner left, right
    score: float  # 0..1
    pose: Pose
    mesh: Floats | None = None  # (468, 3) MediaPipe topology; z in the same pixels, smaller is nearer
    embedding: Floats | None = None  # what the toolbox's recogniser gives, e.g. (128,)


# ---------------------------------------------------------------- training


@dataclass(frozen=True)
class Photo:
    """A file the user gave; it is opened where it is needed, never trusted."""

    file: Path
    name: str  # as the user knows it
    override: str = ""  # "keep" or "drop": the user's own verdict


class Verdict(str, Enum):
    """What the photo check says."""

    KEEP = "keep"
    WARN = "warn"
    DROP = "drop"


@dataclass(frozen=True)
class PhotoReport:
    """What was found in one photo."""

    name: str
    verdict: Verdict
    reasons: tuple[str, ...]  # full sentences, may be empty for KEEP
    faces: int = 0
    size: tuple[int, int] = (0, 0)
    face_px: int = 0  # shorter side of the face box
    sharpness: float = 0.0
    pose: Pose | None = None
    box: Box | None = None  # of the chosen face
    likeness: float | None = None  # L2 to the robust centre of the set; lower is nearer
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
    warnings: tuple[str, ...] = ()
    crops: tuple[Path, ...] = ()  # photos/N.jpg: the same faces, same order, with their background, for fusion


@dataclass(frozen=True)
class TrainRequest:
    """Everything one training needs; defaults are SD 1.5's, `for_family` gives the others."""

    person: str = option("", "Name", "The person's name; any script, up to 80 characters.", advanced=False)
    consent: bool = option(
        False, "Consent", "The person shown has agreed that a model of their face is made.", advanced=False
    )
    base_model: str = option(
        EMBEDDED_CHECKPOINT, "Base model", "The embedded one, or an SD checkpoint.", advanced=False
    )
    resolution: int = option(512, "Resolution", "Side of the training pictures in pixels.", low=128, high=2048, step=64)
    save_steps: int = option(100, "Validate and save every", "Steps between checkpoints.", low=1, high=10000, step=1)
    max_steps: int = option(800, "Max steps", "Upper limit of optimiser steps.", low=1, high=20000, step=1)
    steps_per_photo: int = option(
        200, "Steps per photo", "Steps = photos x this, at most max.", low=1, high=2000, step=1
    )
    batch_size: int = option(1, "Batch size", "Pictures a forward pass.", low=1, high=16, step=1)
    accumulation: int = option(4, "Gradient accumulation", "Forward passes a step.", low=1, high=64, step=1)
    workers: int = option(
        0, "Data workers", "Processes that load pictures; latents are cached, so 0.", low=0, high=16, step=1
    )
    learning_rate: float = option(1e-4, "Learning rate", "Of the U-Net.", low=1e-7, high=1e-1)
    text_encoder_lr: float = option(
        5e-5, "Text encoder learning rate", "0 leaves the text encoder as it is.", low=0.0, high=1e-1
    )
    rank: int = option(128, "Rank", "Of the LoRA matrices.", low=1, high=320, step=1)
    alpha: int = option(64, "Alpha", "LoRA scale = alpha / rank; at most the rank.", low=1, high=320, step=1)
    validation: bool = option(True, "Validation", "Make trial pictures and let likeness choose the checkpoints.")
    retouch: bool = option(False, "Retouch skin", "Smooth skin of the training photos; never whitens.")
    min_snr_gamma: float = option(0.0, "Min-SNR gamma", "0 = off; 5 is usual.", low=0.0, high=20.0)
    noise_offset: float = option(0.0, "Noise offset", "0 = off.", low=0.0, high=0.5)
    gradient_checkpointing: bool = option(False, "Gradient checkpointing", "Slower, needs less memory.")
    precision: str = option(
        "auto", "Precision", "auto: bf16 or fp16 on a GPU, fp32 elsewhere.", choices=("auto", "fp32", "fp16", "bf16")
    )
    merge: str = option(
        "rank", "Merge", "rank: SVD back to the rank; exact: concatenated, larger file.", choices=("rank", "exact")
    )
    keep_checkpoints: bool = option(False, "Keep checkpoints", "Do not delete the single checkpoints after merging.")
    seed: int = option(42, "Seed", "Same seed, same training on one machine.", low=0, high=2**32 - 1, step=1)

    def __post_init__(self) -> None:
        check_bounds(self)
        if self.alpha > self.rank:
            raise BadRequest(f"alpha {self.alpha} is above rank {self.rank}.", stage="request", mend="Lower alpha.")

    def steps_for(self, photos: int) -> int:
        """Optimiser steps for that many usable photos."""
        return min(photos * self.steps_per_photo, self.max_steps)

    @classmethod
    def for_family(cls, family: ModelFamily, **changes: Any) -> TrainRequest:
        """The family's defaults with `changes` on top."""
        return replace(cls(), **{**_TRAIN_DEFAULTS[family], **changes})


_TRAIN_DEFAULTS: dict[ModelFamily, dict[str, Any]] = {
    ModelFamily.SD15: {},
    ModelFamily.SDXL: {"resolution": 1024, "max_steps": 600, "rank": 32, "alpha": 16, "gradient_checkpointing": True},
    ModelFamily.EMBEDDED: {
        "resolution": 256,
        "max_steps": 200,
        "steps_per_photo": 25,
        "save_steps": 50,
        "accumulation": 1,
        "batch_size": 4,
        "rank": 16,
        "alpha": 16,
        "learning_rate": 3e-4,
        "text_encoder_lr": 1e-4,
    },
}


# ---------------------------------------------------------------- persons and templates


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
    base_model: str = EMBEDDED_CHECKPOINT
    created: str = ""  # ISO 8601 UTC
    report: Path | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Template:
    """A picture whose faces are repainted."""

    file: Path
    name: str


# ---------------------------------------------------------------- portrait

KEEP = ""
"""In `PortraitRequest.persons`: leave that face as it is."""


class HintKind(str, Enum):
    """Control pictures we can draw."""

    CANNY = "canny"
    POSE = "pose"
    COLOR = "color"
    TILE = "tile"


@dataclass(frozen=True)
class Pass:
    """One diffusion over the face region."""

    steps: int
    strength: float  # 0..1 of the noise schedule
    hints: tuple[tuple[HintKind, float], ...] = ()  # kind, weight


FIRST_HINTS = ((HintKind.CANNY, 0.50), (HintKind.POSE, 0.50), (HintKind.COLOR, 0.85))
SECOND_HINTS = ((HintKind.CANNY, 1.0), (HintKind.TILE, 1.0))


@dataclass(frozen=True)
class PortraitRequest:
    """Everything one portrait needs, in the order in which the pipeline uses it."""

    persons: tuple[str, ...] = ()  # ids for the faces from left to right, KEEP leaves one; missing ones are kept
    base_model: str = option(
        EMBEDDED_CHECKPOINT, "Base model", "The embedded one, or an SD checkpoint.", advanced=False
    )
    prompt: str = option(
        "portrait photo, natural light, fine detail",
        "Prompt",
        "Used as it stands, behind the trigger words of the person's LoRA.",
        advanced=False,
    )
    negative_prompt: str = option(
        "low quality, blurry, watermark, text",
        "Negative prompt",
        "Used as it stands, nothing is added.",
        advanced=False,
    )
    seed: int = option(-1, "Seed", "-1 draws one; it is written into the result.", low=-1, high=2**32 - 1, step=1)
    lora_weight: float = option(
        0.9, "LoRA weight", "How strongly the person's LoRA acts.", low=0.0, high=1.3, step=0.05
    )
    crop_face: bool = option(True, "Crop face", "Work on a crop of three face widths, not the whole picture.")
    fusion_before: bool = option(True, "Fuse before", "Move the person's face in before the first pass.")
    fusion_before_ratio: float = option(0.5, "Ratio before", "0 = template, 1 = fused.", low=0.0, high=1.0, step=0.05)
    first_steps: int = option(50, "First pass steps", "Sampler steps before strength.", low=1, high=150, step=1)
    first_strength: float = option(0.45, "First pass strength", "0 leaves the face.", low=0.0, high=1.0, step=0.05)
    color_first: bool = option(True, "Match colour first", "Skin colour of the template after the first pass.")
    fusion_after: bool = option(True, "Fuse after", "Move the person's face in once more between the passes.")
    fusion_after_ratio: float = option(0.5, "Ratio after", "0 = first pass, 1 = fused.", low=0.0, high=1.0, step=0.05)
    second_pass: bool = option(True, "Second pass", "Repaint the ring round the face.")
    second_steps: int = option(20, "Second pass steps", "Sampler steps before strength.", low=1, high=150, step=1)
    second_strength: float = option(0.30, "Second pass strength", "0 leaves the ring.", low=0.0, high=1.0, step=0.05)
    color_last: bool = option(True, "Match colour last", "Skin colour of the template at the end.")
    retouch: bool = option(False, "Retouch skin", "Smooths blemishes; never whitens.")
    retouch_ratio: float = option(0.5, "Retouch ratio", "0 = none, 1 = full.", low=0.0, high=1.0, step=0.05)
    enlarge: bool = option(True, "Enhance detail", "Sharpen the face region by the toolbox's enhancer.")
    enlarge_ratio: float = option(0.5, "Detail ratio", "0 = none, 1 = full.", low=0.0, high=1.0, step=0.05)
    guidance: float = option(7.0, "Guidance", "Classifier-free guidance scale.", low=1.0, high=30.0, step=0.5)
    best_of: int = option(1, "Best of", "Make this many and keep the one most like the person.", low=1, high=16, step=1)

    def __post_init__(self) -> None:
        check_bounds(self)

    @property
    def first(self) -> Pass:
        """The pass over the face."""
        return Pass(self.first_steps, self.first_strength, FIRST_HINTS)

    @property
    def second(self) -> Pass:
        """The pass over the ring."""
        return Pass(self.second_steps, self.second_strength, SECOND_HINTS)

    @classmethod
    def for_family(cls, family: ModelFamily, **changes: Any) -> PortraitRequest:
        """The family's defaults with `changes` on top."""
        return replace(cls(), **{**_PORTRAIT_DEFAULTS[family], **changes})


_PORTRAIT_DEFAULTS: dict[ModelFamily, dict[str, Any]] = {
    ModelFamily.SD15: {},
    ModelFamily.SDXL: {},
    # The embedded model cannot bring a likeness by itself: fusion carries it whole, diffusion harmonises.
    ModelFamily.EMBEDDED: {
        "fusion_before_ratio": 1.0,
        "fusion_after_ratio": 1.0,
        "first_strength": 0.10,
        "second_strength": 0.10,
        "guidance": 1.0,
    },
}


@dataclass(frozen=True)
class ControlHint:
    """A control picture with its weight."""

    kind: HintKind
    picture: Image.Image
    weight: float


@dataclass(frozen=True)
class RenderJob:
    """All an engine needs for one inpainting call."""

    checkpoint: str
    prompt: str
    negative_prompt: str
    picture: Image.Image  # RGB
    mask: Image.Image  # "L", 255 = repaint, same size
    steps: int
    strength: float
    guidance: float
    seed: int
    hints: tuple[ControlHint, ...] = ()
    loras: tuple[LoraUse, ...] = ()


@dataclass(frozen=True)
class Rendered:
    """What an engine gives back: a picture of the job's size, and what it could not honour."""

    picture: Image.Image
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FaceScore:
    """Likeness of one repainted face."""

    person: str  # id
    box: Box
    before: float  # median L2 of the template's face to the person's photos; lower is nearer
    after: float
    word: str  # what the number means


@dataclass(frozen=True)
class Portrait:
    """A finished picture with everything that made it."""

    picture: Image.Image
    template: str
    scores: tuple[FaceScore, ...]
    seed: int
    infotext: str  # WebUI's text format
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    file: Path | None = None
