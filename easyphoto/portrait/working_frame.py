"""What a diffusion pass sees of a face's region, and the way back: the whole region or the face's upright frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from PIL import Image

from easyphoto.domain import Box, Face, Floats, ModelFamily, Pixels
from easyphoto.portrait.plan import moved, working_size

if TYPE_CHECKING:
    from builtin_model.inpaint.frame import Frame

EDGE = 0.03  # of an upright frame's side: over so much nothing is repainted, and the change fades in


class WorkingFrame(Protocol):
    """Between a region's pixels and those a pass works in."""

    def cut(self, pixels: Pixels) -> Image.Image:
        """An RGB picture of the region as the pass sees it."""
        ...

    def cut_mask(self, mask: Pixels) -> Image.Image:
        """A mask of the region, "L", as the pass sees it."""
        ...

    def face(self, face: Face) -> Face:
        """A face of the region in the pixels that are worked in."""
        ...

    def enlarged(self, values: Floats) -> Floats:
        """Values of the pass (h, w, 3) in the region; 0 where the pass does not see it."""
        ...

    def inside(self) -> Pixels:
        """(H, W): 255 where the pass sees the region."""
        ...


@dataclass(frozen=True)
class WholeRegion:
    """The region brought to another size."""

    region: tuple[int, int]  # width, height
    size: tuple[int, int]  # that is worked at

    def cut(self, pixels: Pixels) -> Image.Image:
        """See `WorkingFrame`."""
        return Image.fromarray(pixels).resize(self.size, Image.Resampling.LANCZOS)

    def cut_mask(self, mask: Pixels) -> Image.Image:
        """See `WorkingFrame`."""
        return Image.fromarray(mask).resize(self.size, Image.Resampling.BILINEAR)

    def face(self, face: Face) -> Face:
        """See `WorkingFrame`."""
        return moved(face, 0, 0, (self.size[0] / self.region[0], self.size[1] / self.region[1]))

    def enlarged(self, values: Floats) -> Floats:
        """See `WorkingFrame`."""
        import cv2

        return np.asarray(cv2.resize(values, self.region, interpolation=cv2.INTER_CUBIC), np.float32)

    def inside(self) -> Pixels:
        """See `WorkingFrame`."""
        return np.full(self.region[::-1], 255, np.uint8)


@dataclass(frozen=True, eq=False)
class UprightFrame:
    """A square about the face, 1.45 face widths wide, turned so that the eyes are level."""

    region: tuple[int, int]  # width, height
    frame: Frame

    def cut(self, pixels: Pixels) -> Image.Image:
        """See `WorkingFrame`."""
        return Image.fromarray(self.frame.cut(pixels))

    def cut_mask(self, mask: Pixels) -> Image.Image:
        """See `WorkingFrame`."""
        return Image.fromarray(self.frame.cut(mask))

    def face(self, face: Face) -> Face:
        """See `WorkingFrame`; the depth of the mesh is scaled alike."""
        zoom, place = self.frame.zoom, self.frame.points
        (x, y), half = place([face.box.center])[0], np.array([face.box.width, face.box.height]) * zoom / 2
        mesh = None if face.mesh is None else np.column_stack([place(face.mesh), face.mesh[:, 2:] * zoom])
        return replace(
            face,
            box=Box(x - half[0], y - half[1], x + half[0], y + half[1]),
            points=place(face.points).astype(np.float32),
            mesh=None if mesh is None else mesh.astype(np.float32),
        )

    def enlarged(self, values: Floats) -> Floats:
        """See `WorkingFrame`."""
        return self.frame.back(values, self.region)

    def inside(self) -> Pixels:
        """See `WorkingFrame`; softly."""
        side = self.frame.side
        ramp = np.clip((np.minimum(np.arange(side), np.arange(side)[::-1]) / (EDGE * side)) - 1, 0, 1)
        window = np.minimum.outer(ramp, ramp).astype(np.float32)
        return np.asarray(np.clip(self.frame.back(window, self.region), 0, 1) * 255 + 0.5, np.uint8)


@dataclass(frozen=True, eq=False)
class FrameRequest:
    """What a working frame is made from."""

    region: tuple[int, int]  # width, height
    face: Face  # as it is now, in region pixels
    working: tuple[int, int]  # of the whole region
    family: ModelFamily


def _whole(asked: FrameRequest) -> WorkingFrame:
    return WholeRegion(asked.region, asked.working)


def _upright(asked: FrameRequest) -> WorkingFrame:
    from builtin_model.inpaint.frame import frame_of

    plain: Any = frame_of(asked.face.points)
    length = max(1, round(plain.side / plain.zoom))
    return UprightFrame(asked.region, plain.enlarged(working_size((length, length), asked.family)[0]))


CROPS: dict[str, Callable[[FrameRequest], WorkingFrame]] = {"region": _whole, "upright": _upright}
"""The ways to see a region, by the name that a family has for its own (`FamilySpec.crop`)."""
