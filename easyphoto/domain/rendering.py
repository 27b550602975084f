"""What passes between the portrait journey and an engine."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from easyphoto.domain.faces import Face
from easyphoto.domain.hints import HintKind
from easyphoto.domain.models import LoraUse
from easyphoto.domain.samplers import DEFAULT_SAMPLER
from easyphoto.locales import Message


@dataclass(frozen=True)
class ControlHint:
    """A control picture with its weight."""

    kind: HintKind
    picture: Image.Image
    weight: float
    required: bool = False  # without a ControlNet for it the job fails; others are left out with a note
    faces: tuple[Face, ...] = ()  # that it was drawn from, in the picture's pixels, for models with maps of their own


@dataclass(frozen=True)
class IdentityHint:
    """Whom the repainted face is to look like, for an identity adapter."""

    picture: Image.Image  # RGB, square, that face alone
    weight: float
    required: bool = False  # without an adapter the job fails; others go on without it, with a note
    aligned: tuple[Image.Image, ...] = ()  # the person's faces, square and upright as ArcFace's, for recognizers
    target: tuple[tuple[float, float], ...] = ()  # five points (see `Face`) of the face that is repainted, in the job


@dataclass(frozen=True)
class IdentityAdapter:
    """One that an engine can put on a base model."""

    name: str  # of its kind
    weight: float  # 0..1: a usual one, where none is asked for


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
    cfg_scale: float
    seed: int
    hints: tuple[ControlHint, ...] = ()
    loras: tuple[LoraUse, ...] = ()
    identity: IdentityHint | None = None
    sampler: str = DEFAULT_SAMPLER  # a key of `SAMPLERS`
    vae: str = ""  # by its name in `Engine.vaes`; empty: the checkpoint's own, or the one a host is set to


@dataclass(frozen=True)
class Rendered:
    """What an engine gives back: a picture of the job's size, and what it could not honour."""

    picture: Image.Image
    notes: tuple[Message, ...] = ()
