"""From request, template size and a face to sizes and render jobs. Pure arithmetic, no pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass

from easyphoto.domain import KEEP, Box, Face, IdentityHint, LoraUse, ModelFamily, Pass, PortraitRequest
from easyphoto.errors import BadRequest

CROP_RATIO = 3.0  # crop side in face boxes
SIDES_MULTIPLE = 32


@dataclass(frozen=True)
class Widths:
    """Every kernel of a portrait in pixels, as parts of the face width, so that no face size is special."""

    mask_grow: float  # of the first mask beyond the face
    ring_out: float  # the ring of the second pass reaches this far outside the face
    ring_in: float  # and this far inside
    feather: float  # softness of the seam

    @classmethod
    def of(cls, face_width: float) -> Widths:
        """The original's 32 / 16 / 8 px at its usual face of 170 px, made relative."""
        return cls(0.10 * face_width, 0.19 * face_width, 0.094 * face_width, 0.06 * face_width)


@dataclass(frozen=True)
class FacePlan:
    """What will be done to one face: whose it becomes, which part is cut out, at what size it is worked on."""

    person: str
    face: Face  # in template pixels
    region: tuple[int, int, int, int]  # left, top, right, bottom in template pixels
    working: tuple[int, int]  # width, height


def assign(persons: tuple[str, ...], faces: list[Face]) -> list[tuple[str, Face]]:
    """(person, face) for every face that is to change; faces are left to right, KEEP leaves one.

    Raises BadRequest when more persons than faces were given or all faces are kept.
    """
    if len(persons) > len(faces):
        raise BadRequest("portrait.too-many-persons", stage="plan", persons=len(persons), faces=len(faces))
    pairs = [(person, face) for person, face in zip(persons, faces, strict=False) if person != KEEP]
    if not pairs:
        raise BadRequest("portrait.no-person", stage="plan")
    return pairs


def region_of(face: Face, size: tuple[int, int], crop: bool) -> tuple[int, int, int, int]:
    """The part of the template that is worked on: three face boxes round the face, or everything."""
    if not crop:
        return 0, 0, *size
    box = face.box.scaled(CROP_RATIO).clipped(size)
    return math.floor(box.left), math.floor(box.top), math.ceil(box.right), math.ceil(box.bottom)


def working_size(size: tuple[int, int], family: ModelFamily) -> tuple[int, int]:
    """(width, height) the engine works at, sides multiples of 32, aspect kept up to that rounding."""
    scale = family.spec.working_scale(size)
    return _floored(size[0] * scale), _floored(size[1] * scale)


def _floored(side: float) -> int:
    # A hair is added so that 512.0 computed as 511.9999 is not floored to 480.
    return max(SIDES_MULTIPLE, int(side + 1e-6) // SIDES_MULTIPLE * SIDES_MULTIPLE)


def plan_faces(
    request: PortraitRequest, faces: list[Face], size: tuple[int, int], family: ModelFamily
) -> list[FacePlan]:
    """One plan per face that changes, left to right."""
    plans = []
    for person, face in assign(request.persons, faces):
        region = region_of(face, size, request.crop_face)
        plans.append(FacePlan(person, face, region, working_size(_size(region), family)))
    return plans


def _size(region: tuple[int, int, int, int]) -> tuple[int, int]:
    left, top, right, bottom = region
    return right - left, bottom - top


def moved(face: Face, left: float, top: float, scale: tuple[float, float] = (1.0, 1.0)) -> Face:
    """The face in pixels of a crop that starts at (left, top) and was resized by `scale` (x, y)."""
    sx, sy = scale
    box = Box((face.box.left - left) * sx, (face.box.top - top) * sy, (face.box.right - left) * sx,
              (face.box.bottom - top) * sy)  # fmt: skip
    points = (face.points - (left, top)) * (sx, sy)
    mesh = None if face.mesh is None else (face.mesh - (left, top, 0)) * (sx, sy, (sx + sy) / 2)
    return Face(
        box,
        points.astype("float32"),
        face.score,
        face.pose,
        None if mesh is None else mesh.astype("float32"),
        face.embedding,
    )


@dataclass(frozen=True)
class PassPlan:
    """One pass over one face: what the engine is asked beyond the pictures."""

    checkpoint: str
    prompt: str
    negative_prompt: str
    settings: Pass
    cfg_scale: float
    seed: int
    loras: tuple[LoraUse, ...]
    sampler: str
    vae: str
    identity: IdentityHint | None = None
    require_control: bool = False  # the pass fails without a ControlNet for its edges


def pass_seed(seed: int, face: int, number: int) -> int:
    """A seed of its own for every face and pass, all determined by the request's."""
    return (seed + 1000 * face + 7919 * number) % 2**32
