"""Cut a face region out, draw its masks, put it back. Arrays are uint8; masks 0..255, H x W."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from easyphoto.domain import Face, Pixels
from easyphoto.faces.base import FaceRegions, FaceToolbox, PhotoFit
from easyphoto.images import blend, extent, feather, grow, shrink
from easyphoto.portrait.plan import FacePlan, Widths, moved

SAME_PLACE = 0.2  # overlap from which two boxes are one face before and after painting
LAID_IN = 40  # of 255 of the person's photo from which a pixel counts as moved in
SEAM = 0.025  # of the face width by which what was moved in is repainted beyond its edge
NEIGHBOR_MARGIN = 0.06  # of the neighbour's face width, kept free round it


@dataclass(frozen=True, eq=False)
class FaceCanvas:
    """A face's region at the template's own resolution while it is being worked on."""

    original: Pixels  # as it was cut out of the template
    pixels: Pixels  # as it is now
    face: Face  # the template's face, in region pixels
    free: Pixels  # 255 where this face may be painted, 0 on its neighbours
    touched: Pixels  # 255 wherever anything was allowed to change so far
    laid_in: Pixels | None = None  # 255 where the person's photo was moved in, soft edge; None before
    fit: PhotoFit | None = None  # of that photo to the template

    @property
    def widths(self) -> Widths:
        """Kernels for this face at this resolution."""
        return Widths.of(self.face.box.width)

    @property
    def soft(self) -> Pixels:
        """Everything touched so far, its edge feathered inwards."""
        return feather(self.touched, self.widths.feather)

    def painted(self, pixels: Pixels, mask: Pixels) -> FaceCanvas:
        """With `pixels` laid on through `mask`; the mask is remembered."""
        inside: Pixels = np.minimum(mask, self.free)
        here, result = extent(inside), self.pixels.copy()
        result[here] = blend(self.pixels[here], pixels[here], inside[here])
        return replace(self, pixels=result, touched=np.maximum(self.touched, inside))


def cut(picture: Pixels, plan: FacePlan, faces: Sequence[Face]) -> FaceCanvas:
    """The plan's region of the template, neighbours protected."""
    left, top, right, bottom = plan.region
    part = np.ascontiguousarray(picture[top:bottom, left:right])
    others = [moved(face, left, top) for face in faces if face is not plan.face]
    free = protect(part.shape[:2], others)
    return FaceCanvas(part, part, moved(plan.face, left, top), free, np.zeros_like(free))


def protect(shape: tuple[int, int], others: Sequence[Face]) -> Pixels:
    """uint8 of `shape` (height, width): 0 on the outlines of the other faces with a margin, 255 elsewhere."""
    free = np.full(shape, 255, np.uint8)
    for face in others:
        taken = grow(outline(shape, face), NEIGHBOR_MARGIN * face.box.width)
        free[taken > 0] = 0
    return free


def outline(shape: tuple[int, int], face: Face) -> Pixels:
    """255 inside the face: the hull of its mesh, or the ellipse in its box when there is no mesh."""
    import cv2

    mask = np.zeros(shape, np.uint8)
    if face.mesh is not None:
        hull = cv2.convexHull(np.round(face.mesh[:, :2]).astype(np.int32))
        cv2.fillConvexPoly(mask, hull, 255)
        return mask
    (x, y), axes = face.box.center, (face.box.width / 2, face.box.height / 2)
    cv2.ellipse(mask, (round(x), round(y)), (round(axes[0]), round(axes[1])), 0, 0, 360, 255, -1)
    return mask


def found_again(picture: Pixels, face: Face, faces: FaceToolbox) -> Face:
    """The face that lies where `face` was, as it is found now; `face` itself where none is found any more."""
    near = [f for f in faces.detect(picture) if f.box.overlap(face.box) > SAME_PLACE]
    return max(near, key=lambda f: f.box.overlap(face.box)) if near else face


def face_mask(regions: FaceRegions, widths: Widths) -> Pixels:
    """Mask of the first pass: the face, holes closed, grown by a tenth of its width."""
    closed = shrink(grow(_solid(regions.face), widths.mask_grow), widths.mask_grow)
    return grow(closed, widths.mask_grow)


def ring_mask(regions: FaceRegions, widths: Widths) -> Pixels:
    """Mask of the second pass: a ring along the face's edge, with eyes and lips."""
    face = _solid(regions.face)
    ring = grow(face, widths.ring_out) - shrink(face, widths.ring_in)
    return np.asarray(np.maximum(ring, np.maximum(_solid(regions.eyes), _solid(regions.lips))))


def moved_in(canvas: FaceCanvas) -> Pixels:
    """255 where the person's photo was moved in, grown a little over its seam; everywhere before a fusion."""
    if canvas.laid_in is None:
        return np.full_like(canvas.free, 255)
    return grow(np.where(canvas.laid_in > LAID_IN, 255, 0).astype(np.uint8), SEAM * canvas.face.box.width)


def put_back(picture: Pixels, canvas: FaceCanvas, region: tuple[int, int, int, int]) -> Pixels:
    """The template with the finished region in it; where nothing was touched, pixels are the template's own."""
    left, top, right, bottom = region
    result = picture.copy()
    here = extent(canvas.touched)
    changed = canvas.touched[here][..., None] > 0
    np.copyto(result[top:bottom, left:right][here], canvas.pixels[here], where=changed)
    return result


def _solid(mask: Pixels) -> Pixels:
    return np.where(mask >= 128, 255, 0).astype(np.uint8)
