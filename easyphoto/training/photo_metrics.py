"""What is seen in one photo: its faces with embedding, sharpness and light. One photo in memory at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from easyphoto.domain import Box, Face, Photo, Pixels
from easyphoto.errors import BadPicture
from easyphoto.faces.base import FaceToolbox
from easyphoto.images import open_picture, picture_size
from easyphoto.locales import Message

MEASURE_SIDE = 1600  # photos are looked at with their longer side at least this and less than twice this, if they can
MAX_FACES = 12  # of a group photo, the largest ones
FACE_WIDTH = 160  # pixels at which sharpness is measured: a face three times cropped into 512 pixels has about that


@dataclass(frozen=True, eq=False)
class FaceMetrics:
    """A face with its measures."""

    face: Face  # in pixels of the picture looked at, with embedding
    sharpness: float  # 0..1, of detail at 1/160 of the face's width; independent of the photo's size
    light: float  # mean luma of the face, 0..255
    inside: float  # share of the box that lies in the picture, 0..1


@dataclass(frozen=True, eq=False)
class PhotoMetrics:
    """A photo with everything that is needed to judge it, without its pixels."""

    photo: Photo
    problem: tuple[Message, ...] = ()  # not empty: the photo could not be read, and why
    size: tuple[int, int] = (0, 0)  # of the file, upright
    scale: float = 1.0  # pixels of the file to one pixel looked at
    fingerprint: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(64, np.bool_))
    faces: tuple[FaceMetrics, ...] = ()

    def face_px(self, seen: FaceMetrics) -> int:
        """The shorter side of the face's box in pixels of the file."""
        return round(min(seen.face.box.width, seen.face.box.height) * self.scale)

    def box_in_file(self, seen: FaceMetrics) -> Box:
        """The face's box in pixels of the upright file."""
        box = seen.face.box
        return Box(*(edge * self.scale for edge in (box.left, box.top, box.right, box.bottom)))


def measure_photo(photo: Photo, faces: FaceToolbox) -> PhotoMetrics:
    """Open the photo and measure every face in it; a photo that cannot be read has its `problem` set.

    One that the user has dropped is not opened at all.
    """
    if photo.override == "drop":
        return PhotoMetrics(photo)
    try:
        size = picture_size(photo.file)
        picture = np.asarray(open_picture(photo.file, long_side=halved(max(size), MEASURE_SIDE)))
    except BadPicture as bad:
        return PhotoMetrics(photo, problem=tuple(said for said in bad.messages() if said.text()))
    found = sorted(faces.detect(picture), key=lambda face: -face.box.area)[:MAX_FACES]
    seen = tuple(_measured(picture, face, faces) for face in found)
    return PhotoMetrics(photo, (), size, max(size) / max(picture.shape[:2]), fingerprint(picture), seen)


def halved(side: int, least: float) -> int:
    """`side` cut in half up to three times while it stays at least `least`.

    A JPEG is decoded at exactly these sizes, with nothing left to resize.
    """
    for part in (8, 4, 2):
        if side / part >= least:
            return math.ceil(side / part)
    return side


def _measured(picture: Pixels, face: Face, faces: FaceToolbox) -> FaceMetrics:
    """The face with embedding, sharpness and light."""
    height, width = picture.shape[:2]
    gray = _luma(picture, face.box.scaled(0.9))
    inside = face.box.clipped((width, height)).area / max(face.box.area, 1.0)
    return FaceMetrics(
        face=replace(face, embedding=faces.embed(picture, face)),
        sharpness=sharpness(gray),
        light=float(gray.mean()) if gray.size else 0.0,
        inside=inside,
    )


def _luma(picture: Pixels, box: Box) -> Pixels:
    """Grey of the part of the picture inside `box`."""
    import cv2

    height, width = picture.shape[:2]
    left, top, right, bottom = box.clipped((width, height)).rounded()
    part = picture[top:bottom, left:right]
    return np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.uint8) if part.size else part[..., 0]


def sharpness(gray: Pixels) -> float:
    """How much of the face's contrast lies in fine detail, 0..1.

    The face is brought to `FACE_WIDTH` first, so a big soft face and a small crisp one compare as
    they would in training. A slight blur before keeps sensor noise from passing for detail.
    """
    import cv2

    if min(gray.shape[:2], default=0) < 8:
        return 0.0
    height = max(8, round(gray.shape[0] * FACE_WIDTH / gray.shape[1]))
    shrinks = gray.shape[1] > FACE_WIDTH
    small = cv2.resize(gray, (FACE_WIDTH, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    calm = cv2.GaussianBlur(small.astype(np.float32), (0, 0), 0.8)
    detail = calm - cv2.GaussianBlur(calm, (0, 0), 2.0)
    return float(np.sqrt(detail.var() / (calm.var() + 25.0)))


def fingerprint(picture: Pixels) -> NDArray[np.bool_]:
    """64 bits that hardly change when a picture is scaled, recompressed or brightened (difference hash)."""
    import cv2

    gray = cv2.cvtColor(cv2.resize(picture, (36, 32), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    small = cv2.GaussianBlur(gray, (0, 0), 2)
    cells = cv2.resize(small, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.asarray(cells[:, 1:] > cells[:, :-1], np.bool_).ravel()
