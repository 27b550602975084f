"""What a face toolbox offers. Everything takes and gives uint8 RGB arrays, H x W x 3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from easyphoto.domain import Face, Floats, Pixels
from easyphoto.faces.wear import Wear
from easyphoto.locales import Message


@dataclass(frozen=True)
class Recognizer:
    """How to read the distances of a toolbox's embeddings."""

    name: str  # goes into manifests: embeddings of two recognisers are never compared
    same: float  # L2 at or under this: taken for the same person
    strict: float  # L2 at or under this: surely the same person


@dataclass(frozen=True, eq=False)
class FaceRegions:
    """Masks of one face, each uint8 H x W of the whole picture, 0..255, soft edges allowed."""

    face: Pixels  # the oval with everything in it
    skin: Pixels  # skin of face, ears and neck without eyes, brows, lips, hair
    eyes: Pixels
    brows: Pixels
    lips: Pixels
    nose: Pixels


@dataclass(frozen=True, eq=False)
class FusionSource:
    """A picture of the person with its face, for fusion."""

    picture: Pixels
    face: Face


@dataclass(frozen=True, eq=False)
class FusionTarget:
    """A template's picture with the face that a person is to get."""

    picture: Pixels  # perhaps retoned already
    face: Face
    worn: Wear | None = None  # by the untouched template; None: as it is seen in `picture`


@dataclass(frozen=True)
class PhotoFit:
    """How the photo that was moved in fits the template."""

    pose_gap: float  # degrees
    eyes_open: float  # of the photo, gap of the lids in eye widths


@dataclass(frozen=True, eq=False)
class FusionResult:
    """The template with the source's face in it; pixels where `mask` is 0 are the template's own."""

    picture: Pixels
    mask: Pixels  # uint8 H x W, 255 where the face was moved in
    source: int  # index of the source that was used
    pose_gap: float  # degrees between source and template
    notes: tuple[Message, ...] = ()
    fit: PhotoFit | None = None  # of the source that was used


Prepare = Callable[[FusionSource], FusionSource]
"""Makes a source ready for fusion: the same person, pose and expression, perhaps crisper or larger."""


def unprepared(source: FusionSource) -> FusionSource:
    """The source as it is."""
    return source


class FaceToolbox(Protocol):
    """Detector, mesh, recogniser, masks, retouching and fusion in one object."""

    @property
    def recognizer(self) -> Recognizer:
        """How to read distances."""
        ...

    def detect(self, picture: Pixels) -> list[Face]:
        """Faces from left to right (by box centre), with points, pose and, if there is one, mesh; no embedding."""
        ...

    def embed(self, picture: Pixels, face: Face) -> Floats:
        """The recogniser's vector (d,) of that face."""
        ...

    def matte(self, picture: Pixels) -> Pixels:
        """uint8 H x W, 255 = person."""
        ...

    def regions(self, picture: Pixels, face: Face) -> FaceRegions:
        """Masks of that face."""
        ...

    def retouch(self, picture: Pixels, face: Face, ratio: float) -> Pixels:
        """Blemishes smoothed on skin, colour kept; ratio 0..1."""
        ...

    def skin_tone(self, picture: Pixels, face: Face) -> Floats | None:
        """(3,) CIE L*a*b* (D65) of the face's evenly lit skin; None where too little of it is seen."""
        ...

    def retone(self, picture: Pixels, face: Face, neighbors: Sequence[Face], tone: Floats) -> Pixels:
        """The visible skin of that face's person brought to `tone` as it looks in the picture's light.

        Pixels of the other persons, whose faces are `neighbors`, stay bit for bit.
        """
        ...

    def sharpen(self, picture: Pixels, scale: float) -> Pixels:
        """Enlarged `scale` times (1 = same size) with detail boosted."""
        ...

    def enhance(self, photo: FusionSource) -> FusionSource:
        """The photo with a small face made crisp: enlarged, perhaps cropped round the face, which keeps its embedding.

        The same object where the face is too small to be helped or large enough; so a second call changes nothing.
        """
        ...

    def worn(self, picture: Pixels, face: Face) -> Wear:
        """What that face wears; asked before a template is retoned, which frames and beards may not survive."""
        ...

    def fuse(
        self,
        target: FusionTarget,
        sources: Sequence[FusionSource],
        share: float = 1.0,
        prepare: Prepare = unprepared,
    ) -> FusionResult:
        """The best source's face moved into the face of `target`; `share` 0..1 of the way, in shape and in colour.

        `prepare` is called with each of the few sources that are tried, and its result is used instead.
        Raises NoFace where no source can be brought into the template's pose.
        """
        ...
