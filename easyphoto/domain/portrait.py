"""What the portrait journey carries: the request, jobs for the engine, the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from PIL import Image

from easyphoto.domain.faces import Box
from easyphoto.domain.hints import HintKind
from easyphoto.domain.models import BUILTIN_CHECKPOINT
from easyphoto.domain.options import check_bounds, option
from easyphoto.domain.persons import NO_TEMPLATE, Template
from easyphoto.domain.samplers import DEFAULT_SAMPLER, LCM_SAMPLER, SAMPLERS
from easyphoto.families import ModelFamily
from easyphoto.locales import Message
from easyphoto.stages import Stage

KEEP = ""
"""In `PortraitRequest.persons`: leave that face as it is."""


@dataclass(frozen=True)
class Pass:
    """One diffusion over the face region."""

    steps: int
    denoising_strength: float  # 0..1 of the noise schedule
    hints: tuple[tuple[HintKind, float], ...] = ()  # kind, weight


LCM_DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "drawing_steps": 8,
        "first_steps": 12,
        "first_denoising_strength": 0.50,
        "second_steps": 8,
        "sampler": LCM_SAMPLER,
        "cfg_scale": 1.5,  # the LoRA has guidance in it
    }
)
"""What a request begins with that uses the LCM LoRA (Luo et al. 2023), which paints in few steps."""

FIRST_HINTS = ((HintKind.CANNY, 0.50), (HintKind.POSE, 0.50), (HintKind.COLOR, 0.85))
SECOND_HINTS = ((HintKind.CANNY, 1.0), (HintKind.TILE, 1.0))


@dataclass(frozen=True)
class PortraitRequest:
    """Everything one portrait needs, in the order in which the pipeline uses it."""

    persons: tuple[str, ...] = ()  # ids for the faces from left to right, KEEP leaves one; missing ones are kept
    base_model: str = option(BUILTIN_CHECKPOINT, advanced=False)
    prompt: str = option("portrait photo, natural light, fine detail", advanced=False)
    negative_prompt: str = option("low quality, blurry, watermark, text", advanced=False)
    from_text: bool = option(False)
    width: int = option(0, low=0, high=2048, step=8)
    height: int = option(0, low=0, high=2048, step=8)
    drawing_steps: int = option(30, low=1, high=150, step=1)
    pose_weight: float = option(0.5, low=0.0, high=2.0, step=0.05)
    scene_lora: str = option("")
    scene_lora_weight: float = option(0.8, low=0.0, high=1.5, step=0.05)
    faces: str = option("")
    seed: int = option(-1, low=-1, high=2**32 - 1, step=1)
    lora_weight: float = option(0.9, low=0.0, high=1.3, step=0.05)
    identity_weight: float = option(0.0, low=0.0, high=1.0, step=0.05)
    crop_face: bool = option(True)
    enhance_photos: bool = option(True)
    keep_template_skin: bool = option(False)
    fusion_before: bool = option(True)
    fusion_before_ratio: float = option(0.5, low=0.0, high=1.0, step=0.05)
    first_steps: int = option(50, low=1, high=150, step=1)
    first_denoising_strength: float = option(0.45, low=0.0, high=1.0, step=0.05)
    color_first: bool = option(True)
    fusion_after: bool = option(True)
    fusion_after_ratio: float = option(0.5, low=0.0, high=1.0, step=0.05)
    second_pass: bool = option(True)
    second_steps: int = option(20, low=1, high=150, step=1)
    second_denoising_strength: float = option(0.30, low=0.0, high=1.0, step=0.05)
    color_last: bool = option(True)
    retouch: bool = option(False)
    retouch_ratio: float = option(0.5, low=0.0, high=1.0, step=0.05)
    enhance_detail: bool = option(True)
    enhance_detail_ratio: float = option(0.5, low=0.0, high=1.0, step=0.05)
    cfg_scale: float = option(7.0, low=1.0, high=30.0, step=0.5)
    sampler: str = option(DEFAULT_SAMPLER, choices=tuple(SAMPLERS))
    lcm: bool = option(False)
    vae: str = option("")
    require_control: bool = option(True)
    best_of: int = option(1, low=1, high=16, step=1)
    variations: int = option(1, low=1, high=16, step=1)

    def __post_init__(self) -> None:
        check_bounds(self)

    @property
    def first(self) -> Pass:
        """The pass over the face."""
        return Pass(self.first_steps, self.first_denoising_strength, FIRST_HINTS)

    @property
    def second(self) -> Pass:
        """The pass over the ring."""
        return Pass(self.second_steps, self.second_denoising_strength, SECOND_HINTS)

    @property
    def face_stages(self) -> tuple[Stage, ...]:
        """What is done to each face, in order."""
        stages = (
            (Stage.FUSION, self.fusion_before),
            (Stage.FIRST_PASS, self.first_denoising_strength > 0),
            (Stage.COLOR, self.color_first),
            (Stage.SECOND_FUSION, self.fusion_after),
            (Stage.SECOND_PASS, self.second_pass and self.second_denoising_strength > 0),
            (Stage.COLOR, self.color_last),
            (Stage.RETOUCH, self.retouch),
            (Stage.DETAIL, self.enhance_detail),
        )
        return tuple(stage for stage, wanted in stages if wanted)

    def in_turns(self, templates: Sequence[Template]) -> tuple[PortraitRequest, tuple[Template, ...]]:
        """A request for one portrait each, and each template as often as this one wants portraits of it.

        A picture that is drawn needs no template.
        """
        given = tuple(templates) or ((NO_TEMPLATE,) if self.from_text else ())
        if self.variations == 1:
            return self, given
        turns = (replace(one, turn=turn) for one in given for turn in range(self.variations))
        return replace(self, variations=1), tuple(turns)

    def first_seed(self, template: Template) -> int:
        """Of a template's turn: no two turns try one seed; negative where chance decides."""
        return self.seed if self.seed < 0 else (self.seed + template.turn * self.best_of) % 2**32

    @classmethod
    def for_family(cls, family: ModelFamily, **changes: Any) -> PortraitRequest:
        """The family's defaults with `changes` on top; with the LCM LoRA among these, its defaults between them."""
        fast = LCM_DEFAULTS if changes.get("lcm") else {}
        return replace(cls(), **{**family.spec.portrait_defaults, **fast, **changes})


GOOD_QUALITY, FAIR_QUALITY = 0.6, 0.4


class LikenessLevel(str, Enum):
    """What a distance to the person's photos means, best first."""

    SAME_PERSON = "same-person"
    RESEMBLES = "resembles"
    FAINT = "faint"
    SOMEONE_ELSE = "someone-else"

    @property
    def message(self) -> Message:
        """For people."""
        return Message(f"likeness.{self.value}")


@dataclass(frozen=True)
class QualityParts:
    """Faults of one repainted face, each 0 where there is none and about 1 where it is plain to see."""

    edge_step: float = 0.0  # of color across the edge of what was laid in
    color_step: float = 0.0  # of the face against forehead and neck
    flat_light: float = 0.0  # less light and shade than the template's face has
    softness: float = 0.0  # skin without the template's fine detail
    harshness: float = 0.0  # skin with more than that
    patches: float = 0.0  # lids, nose or cheeks of another color
    doubled_edges: float = 0.0  # lines on plain skin: second outlines, smears, torn hair
    expression_gap: float = 0.0  # of the mouth against the template's
    closed_eyes: float = 0.0
    pose_gap: float = 0.0  # of the photo against the template


class QualityLevel(str, Enum):
    """What a quality means, best first."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


@dataclass(frozen=True)
class Quality:
    """How good a face looks, whoever it shows."""

    value: float  # 0..1, higher is better
    parts: QualityParts = field(default_factory=QualityParts)

    @property
    def level(self) -> QualityLevel:
        """A viewer's grade is about 1 + 4 times the value: from 3.4 good, under 2.6 poor."""
        if self.value >= GOOD_QUALITY:
            return QualityLevel.GOOD
        return QualityLevel.FAIR if self.value >= FAIR_QUALITY else QualityLevel.POOR


@dataclass(frozen=True)
class FaceScore:
    """Likeness of one repainted face."""

    person: str  # id
    box: Box
    before: float  # median L2 of the template's face to the person's photos; lower is nearer
    after: float
    level: LikenessLevel  # what `after` means
    quality: Quality | None = None  # None where the face was not found again or has no mesh


@dataclass(frozen=True)
class Portrait:
    """A finished picture with everything that made it."""

    picture: Image.Image
    template: str
    scores: tuple[FaceScore, ...]
    seed: int
    infotext: str  # WebUI's text format
    notes: tuple[Message, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SavedPortrait:
    """A portrait in its file: as many as a batch has, memory does not grow with their pixels."""

    file: Path
    template: str
    scores: tuple[FaceScore, ...]
    seed: int
    infotext: str
    notes: tuple[Message, ...]
    seconds: dict[str, float]

    @classmethod
    def of(cls, portrait: Portrait, file: Path) -> SavedPortrait:
        """The portrait that was saved as `file`."""
        return cls(
            file,
            portrait.template,
            portrait.scores,
            portrait.seed,
            portrait.infotext,
            portrait.notes,
            portrait.seconds,
        )
