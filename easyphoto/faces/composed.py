"""A face toolbox whose roles come from several providers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from easyphoto.domain import Face, Floats, Pixels
from easyphoto.faces.base import (
    FaceRegions,
    FaceToolbox,
    FusionResult,
    FusionSource,
    FusionTarget,
    Prepare,
    Recognizer,
    unprepared,
)
from easyphoto.faces.roles import Role
from easyphoto.faces.wear import Wear


class ComposedToolbox:
    """A `FaceToolbox` that asks for each role the provider it was given; it has no methods of its own.

    What a provider needs inside one of its methods (masks for its retouching, say) it takes from itself.
    """

    def __init__(self, providers: Mapping[Role, FaceToolbox]) -> None:
        self._by_role = dict(providers)

    @property
    def recognizer(self) -> Recognizer:
        """See `FaceToolbox`."""
        return self._by_role[Role.RECOGNIZE].recognizer

    def detect(self, picture: Pixels) -> list[Face]:
        """See `FaceToolbox`."""
        return self._by_role[Role.DETECT].detect(picture)

    def embed(self, picture: Pixels, face: Face) -> Floats:
        """See `FaceToolbox`."""
        return self._by_role[Role.RECOGNIZE].embed(picture, face)

    def matte(self, picture: Pixels) -> Pixels:
        """See `FaceToolbox`."""
        return self._by_role[Role.SEGMENT].matte(picture)

    def regions(self, picture: Pixels, face: Face) -> FaceRegions:
        """See `FaceToolbox`."""
        return self._by_role[Role.PARSE].regions(picture, face)

    def retouch(self, picture: Pixels, face: Face, ratio: float) -> Pixels:
        """See `FaceToolbox`."""
        return self._by_role[Role.RETOUCH].retouch(picture, face, ratio)

    def skin_tone(self, picture: Pixels, face: Face) -> Floats | None:
        """See `FaceToolbox`."""
        return self._by_role[Role.TONE].skin_tone(picture, face)

    def retone(self, picture: Pixels, face: Face, neighbors: Sequence[Face], tone: Floats) -> Pixels:
        """See `FaceToolbox`."""
        return self._by_role[Role.TONE].retone(picture, face, neighbors, tone)

    def sharpen(self, picture: Pixels, scale: float) -> Pixels:
        """See `FaceToolbox`."""
        return self._by_role[Role.ENHANCE].sharpen(picture, scale)

    def enhance(self, photo: FusionSource) -> FusionSource:
        """See `FaceToolbox`."""
        return self._by_role[Role.ENHANCE].enhance(photo)

    def worn(self, picture: Pixels, face: Face) -> Wear:
        """See `FaceToolbox`."""
        return self._by_role[Role.FUSE].worn(picture, face)

    def fuse(
        self,
        target: FusionTarget,
        sources: Sequence[FusionSource],
        share: float = 1.0,
        prepare: Prepare = unprepared,
    ) -> FusionResult:
        """See `FaceToolbox`."""
        return self._by_role[Role.FUSE].fuse(target, sources, share, prepare)
