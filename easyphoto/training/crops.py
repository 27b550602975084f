"""From a judged photo to its pictures on disk: the crop with background for fusion, the cut-out for training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from easyphoto.domain import Box, Face, Pixels
from easyphoto.faces.base import FaceToolbox, FusionSource
from easyphoto.faces.geometry import moved, moved_box
from easyphoto.images import blend, crop, feather, fit_long_side, open_picture, picture
from easyphoto.training.photo_metrics import PhotoMetrics, halved

CROP = 3.0  # side of the square crop in face widths
TALL = 1.3  # a face's usual height in widths: keeps the crop's size steady when a turned head looks narrow
GOOD_SIDE = 512  # crops smaller than this gain from enhancement
CROP_SIDE = 1024  # of training pictures at most; a crop is read from the file with at least this, if it can
LARGEST_SIDE = 1536  # of crops on disk
REFERENCE_SIDE = 1536
BESIDE, ABOVE, BELOW = 0.30, 0.45, 0.25
"""The kept rectangle beyond the face's box, in its widths and heights. The original moved the rectangle down by
0.15 heights and so cut forehead and hair; this one keeps the hair above and the neck below."""
MATTE_LEVELS = (64, 192)  # the matte's slope steepened about the original's threshold of 128: no halo, soft hair
SOFT_EDGE = 0.05  # of the face's width
FACE_COVERED = 0.9  # of the face's box the matte must cover, or the face's own oval is added


@dataclass(frozen=True, eq=False)
class FaceCutout:
    """A part of a photo with its face, in its own pixels."""

    picture: Pixels
    face: Face
    square: Box  # the whole crop of 3 face widths; reaches beyond the picture at the photo's edges
    others: tuple[Face, ...] = ()  # further faces of the photo


def square_round(face: Face) -> Box:
    """The crop: a square of 3 face widths about the face's centre."""
    x, y = face.box.center
    half = CROP * max(face.box.width, face.box.height / TALL) / 2
    return Box(x - half, y - half, x + half, y + half)


def crop_side(seen: PhotoMetrics, face: Face) -> int:
    """The crop's side in pixels of the file."""
    return round(square_round(face).width * seen.scale)


def cut_out(seen: PhotoMetrics, face: Face) -> FaceCutout:
    """The crop, read again from the file at a size that gives it at least `CROP_SIDE` pixels, if the file has them.

    Raises BadPicture when the file has gone meanwhile.
    """
    longest = max(seen.size)
    whole = open_picture(seen.photo.file, long_side=halved(longest, longest * CROP_SIDE / crop_side(seen, face)))
    scale = max(whole.size) * seen.scale / max(seen.size)
    placed = moved(face, scale, (0.0, 0.0))
    square = square_round(placed)
    left, top, right, bottom = square.clipped(whole.size).rounded()
    part = crop(whole, Box(left, top, right, bottom))
    small = fit_long_side(part, LARGEST_SIDE)
    shrunk = small.width / part.width
    offset = (-left * shrunk, -top * shrunk)
    others = tuple(moved(one.face, scale * shrunk, offset) for one in seen.faces if one.face is not face)
    return FaceCutout(np.array(small), moved(placed, shrunk, offset), moved_box(square, shrunk, offset), others)


def max_crop_ratio(face: Face, others: Sequence[Face]) -> float:
    """The largest crop ratio, up to 3, that holds no other face's centre; at least 1.5."""
    for ratio in (CROP, 2.5, 2.0):
        box = face.box.scaled(ratio)
        centers = [other.box.center for other in others if other is not face]
        if not any(box.left < x < box.right and box.top < y < box.bottom for x, y in centers):
            return ratio
    return 1.5


def fusion_crop(cut: FaceCutout, ratio: float) -> Image.Image:
    """The crop with its background; narrower than 3 face widths where `ratio` keeps a neighbour out."""
    whole = picture(cut.picture)
    return whole if ratio >= CROP else crop(whole, cut.face.box.scaled(ratio))


def reference_picture(seen: PhotoMetrics, face: Face) -> Image.Image:
    """The whole photo, upright, at a sane size; of a group photo only the part round the face that is meant."""
    others = [one.face for one in seen.faces]
    if len(others) > 1:
        cut = cut_out(seen, face)
        return fusion_crop(cut, max_crop_ratio(face, others))
    return open_picture(seen.photo.file, long_side=REFERENCE_SIDE)


def enhanced(cut: FaceCutout, faces: FaceToolbox) -> FaceCutout:
    """With a small face made crisp by the toolbox, see `FaceToolbox.enhance`; the same object where it is not."""
    before = FusionSource(cut.picture, cut.face)
    after = faces.enhance(before)
    if after is before:
        return cut
    scale = after.face.box.width / cut.face.box.width
    offset = (after.face.box.left - cut.face.box.left * scale, after.face.box.top - cut.face.box.top * scale)
    others = tuple(moved(face, scale, offset) for face in cut.others)
    return FaceCutout(after.picture, after.face, moved_box(cut.square, scale, offset), others)


def sharpened(cut: FaceCutout, faces: FaceToolbox) -> FaceCutout:
    """Enlarged by the toolbox until the crop's side is `GOOD_SIDE`, at most four times."""
    scale = min(4.0, GOOD_SIDE / cut.square.width)
    if scale <= 1:
        return cut
    larger = faces.sharpen(cut.picture, scale)
    true = larger.shape[1] / cut.picture.shape[1]
    still = (0.0, 0.0)
    others = tuple(moved(face, true, still) for face in cut.others)
    return FaceCutout(larger, moved(cut.face, true, still), moved_box(cut.square, true, still), others)


def retouched(cut: FaceCutout, faces: FaceToolbox, ratio: float = 0.5) -> FaceCutout:
    """With the face's skin smoothed."""
    return replace(cut, picture=faces.retouch(cut.picture, cut.face, ratio))


def training_picture(cut: FaceCutout, faces: FaceToolbox) -> tuple[Image.Image, Image.Image]:
    """Matte and face rectangle on white, a square of 3 face widths with the face in its middle; and where it is ("L").

    Where the crop reaches beyond the photo there is white too, so every training picture shows
    the face at the same size and place.
    """
    mask = np.minimum(_person(cut, faces), _rectangle(cut))
    white = np.full_like(cut.picture, 255)
    size, corner = (round(cut.square.width), round(cut.square.height)), (-cut.square.left, -cut.square.top)
    sheet, kept = Image.new("RGB", size, "white"), Image.new("L", size, 0)
    sheet.paste(picture(blend(white, cut.picture, mask)), (round(corner[0]), round(corner[1])))
    kept.paste(Image.fromarray(mask), (round(corner[0]), round(corner[1])))
    return fit_long_side(sheet, CROP_SIDE), fit_long_side(kept, CROP_SIDE)


def _person(cut: FaceCutout, faces: FaceToolbox) -> Pixels:
    """The matte; where it misses part of the face, with the face's own oval."""
    low, high = MATTE_LEVELS
    matte = np.clip((faces.matte(cut.picture).astype(np.float32) - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    left, top, right, bottom = cut.face.box.scaled(0.7).clipped((matte.shape[1], matte.shape[0])).rounded()
    if matte[top:bottom, left:right].mean() >= FACE_COVERED * 255:
        return np.asarray(matte, np.uint8)
    return np.maximum(np.asarray(matte, np.uint8), faces.regions(cut.picture, cut.face).face)


def _rectangle(cut: FaceCutout) -> Pixels:
    """The kept rectangle with a soft edge, ending half-way to a neighbour's face."""
    box, (height, width) = cut.face.box, cut.picture.shape[:2]
    left, right = box.left - BESIDE * box.width, box.right + BESIDE * box.width
    for other in (face.box for face in cut.others):
        if other.bottom < box.top or other.top > box.bottom:
            continue
        if other.center[0] < box.center[0]:
            left = max(left, min(box.left, (other.right + box.left) / 2))
        else:
            right = min(right, max(box.right, (other.left + box.right) / 2))
    kept = Box(left, box.top - ABOVE * box.height, right, box.bottom + BELOW * box.height)
    x0, y0, x1, y1 = kept.clipped((width, height)).rounded()
    mask = np.zeros((height, width), np.uint8)
    mask[y0:y1, x0:x1] = 255
    return feather(mask, SOFT_EDGE * box.width)
