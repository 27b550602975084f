"""Landmarks beside pictures, for families that train on upright frames: the trainer itself finds no faces."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from easyphoto.domain import Face, Pixels
from easyphoto.faces.base import FaceToolbox
from easyphoto.images import open_picture
from kohya_train.contract import Landmarks, write_landmarks


def add_landmarks(files: Iterable[Path], faces: FaceToolbox) -> tuple[Path, ...]:
    """Write them for the largest face of each picture; those that have some now. Raises BadPicture."""
    done = []
    for file in files:
        picture = np.asarray(open_picture(file))
        if (face := _largest(picture, faces)) is not None and face.mesh is not None:
            write_landmarks(file, Landmarks(_pairs(face.points), _pairs(face.mesh)))
            done.append(file)
    return tuple(done)


def _largest(picture: Pixels, faces: FaceToolbox) -> Face | None:
    return max(faces.detect(picture), key=lambda one: one.box.area, default=None)


def _pairs(points: np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in np.asarray(points)[:, :2])
