"""The part of a template that fusion works on: cut out, brought to a bounded size, put back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from easyphoto.domain import Face, Floats, Pixels
from easyphoto.faces.builtin.face_parsing import CropWindow
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.mesh_warp import warp_face
from easyphoto.faces.fusion.texture import with_finest_of
from easyphoto.faces.geometry import box_of, five_points, pose_from_mesh, square_of
from easyphoto.images.masks import blend


@dataclass(frozen=True)
class CropMargins:
    """How far round a face its surroundings may give way."""

    reach: float = 1.7  # in face ovals
    stiffness: float = 0.02  # see `bend_face`; with less, every ripple of a mesh grows a bump
    working_height: int = 720  # pixels; larger faces are worked on at this height


CROP_MARGINS = CropMargins()


@dataclass(frozen=True, eq=False)
class FaceCrop:
    """A face of a template with its surroundings."""

    template: Pixels
    window: CropWindow
    room: CropMargins
    pixels: Pixels  # the window at working size
    mesh: Floats  # the template's face in working pixels

    @classmethod
    def round_face(cls, template: Pixels, mesh: Floats, room: CropMargins) -> FaceCrop:
        """As much of the template as may give way; `mesh` is the face's (468, 3) in the template's pixels."""
        box = square_of(box_of(mesh), room.reach + 0.1)
        window = CropWindow.round_face(box, (template.shape[1], template.shape[0]), 1.0)
        ratio = min(1.0, room.working_height / max(box_of(mesh).height, 1.0))
        part = window.cut(template)
        size = (max(8, round(part.shape[1] * ratio)), max(8, round(part.shape[0] * ratio)))
        pixels = part if ratio == 1 else cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        return cls(template, window, room, np.asarray(pixels, np.uint8), shifted(mesh, window, ratio))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in working pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def bent(self, goal: Floats) -> tuple[Pixels, Pixels]:
        """(the working pixels with the face brought to the mesh `goal`, mask of 1 where they may have moved)."""
        return warp_face(self.pixels, self.mesh, goal, self.room.reach, self.room.stiffness)

    def bent_mask(self, mask: Floats, goal: Floats) -> Pixels:
        """`mask` (H x W, 0..1 in working pixels) moved as `bent` moves the pixels, as uint8."""
        layers = np.repeat(np.rint(255 * mask).astype(np.uint8)[..., None], 3, axis=-1)
        return np.ascontiguousarray(replace(self, pixels=layers).bent(goal)[0][..., 0])

    def laid(self, mask: Floats) -> Floats:
        """`mask` (H x W, 0..1 in working pixels) in the template's pixels, 0 outside the window."""
        whole = np.zeros(self.template.shape[:2], np.float32)
        part = self.window.cut(whole)
        part[:] = cv2.resize(mask, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_LINEAR)
        return whole

    def taken(self, mask: Floats) -> Floats:
        """The other way: `mask` (H x W, 0..1 in the template's pixels) in working pixels."""
        part = np.ascontiguousarray(self.window.cut(mask))
        return np.asarray(cv2.resize(part, self.size, interpolation=cv2.INTER_AREA), np.float32)

    def put_back(self, goal: Floats, pixels: Pixels, mask: Pixels) -> tuple[Pixels, Pixels]:
        """(whole picture, whole mask) from working `pixels`: the ones `bent` to `goal` with a face laid in.

        `mask` is 0 where they are the template's, 1 where they may have moved, more where the face
        is. Where a large face was worked on in small, only the face itself is enlarged; hair and
        background are bent anew at full size. Where the whole mask is 0 the template stays.
        """
        part = self.window.cut(self.template)
        if pixels.shape == part.shape:
            merged, touched = pixels, mask
        else:
            merged, touched = self._enlarged(part, goal, pixels, mask)
        whole = self.template.copy()
        self.window.cut(whole)[:] = np.where(touched[..., None] > 0, merged, part)
        return whole, self.window.laid(touched, (whole.shape[1], whole.shape[0]))

    def _enlarged(self, part: Pixels, goal: Floats, pixels: Pixels, mask: Pixels) -> tuple[Pixels, Pixels]:
        size = (part.shape[1], part.shape[0])
        ratio = np.float32(size[0] / self.size[0])
        large, moved = warp_face(part, self.mesh * ratio, goal * ratio, self.room.reach, self.room.stiffness)
        top = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), np.uint8)
        top = with_finest_of(large, top, BlendMask(goal, self.size))
        through = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        share = np.minimum(through.astype(np.uint16) * 3, 255).astype(np.uint8)  # `pixels` has softened its own edge
        return blend(large, top, share), np.maximum(through, moved)


def shifted(mesh: Floats, window: CropWindow, ratio: float = 1.0) -> Floats:
    """The mesh as it lies in the window's part after that was resized by `ratio`."""
    return np.asarray((mesh - np.array([window.left, window.top, 0], np.float32)) * np.float32(ratio), np.float32)


def face_part(picture: Pixels, mesh: Floats) -> tuple[Pixels, BlendMask, CropWindow]:
    """(the part of `picture` with the face of that mesh and a little round it, the face in it, where it was cut)."""
    window = CropWindow.round_face(box_of(mesh), (picture.shape[1], picture.shape[0]), 1.12)
    part = window.cut(picture)
    return part, BlendMask(shifted(mesh, window), (part.shape[1], part.shape[0])), window


def face_of(mesh: Floats) -> Face:
    """A face that is known by its mesh only."""
    return Face(box_of(mesh), five_points(mesh), 1.0, pose_from_mesh(mesh), mesh)
