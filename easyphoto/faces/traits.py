"""What decides whether a face fits one in another picture: size, pose, mouth, glasses, color and light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from easyphoto.domain import Face, Floats, Pixels, Pose
from easyphoto.faces.builtin.face_parsing import CropWindow
from easyphoto.faces.fusion.expression import OPEN_MOUTH, expression_of
from easyphoto.faces.fusion.glasses_and_beard import has_glasses
from easyphoto.faces.fusion.relight import is_gray
from easyphoto.faces.fusion.source_selection import photo_stats


@dataclass(frozen=True, eq=False)
class FaceTraits:
    """Of one face; without a mesh only size, pose and color are known."""

    pixels: float  # width of the face box in the file
    pose: Pose
    gray: bool  # black and white, or toned
    mouth_open: bool = False  # so far that teeth show
    glasses: bool = False
    lights: Floats | None = None  # log lightness at places of the face, their mean taken off


def traits_of(picture: Pixels, face: Face, scale: float = 1.0) -> FaceTraits:
    """Of that face of an RGB picture, which was brought to `scale` of its file's size."""
    window = CropWindow.round_face(face.box, (picture.shape[1], picture.shape[0]), 1.0)
    gray = is_gray(window.cut(picture).astype(np.float32))
    pixels = face.box.width / scale
    if face.mesh is None:
        return FaceTraits(pixels, face.pose, gray)
    opened = expression_of(face.mesh).mouth_open > OPEN_MOUTH
    lights = photo_stats(picture, face).lights
    return FaceTraits(pixels, face.pose, gray, opened, has_glasses(picture, face.mesh), lights)
