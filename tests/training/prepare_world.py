"""Photos to a training set, in the miniature world of `fakes`: a person is the colour of their ellipse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from fakes import FakeFaces, draw_faces
from PIL import Image

from easyphoto.domain import Face, Photo, Pixels, Pose, TrainingSet, TrainRequest
from easyphoto.images import pixels
from easyphoto.progress import silent
from easyphoto.training.prepare import prepare

ANNA, BERT = (220, 150, 120), (150, 60, 40)


class Toolbox(FakeFaces):
    """The fake world with textured faces, a pose told by the test, and a count of what was called."""

    def __init__(self, pose: Pose | None = None) -> None:
        self.pose, self.calls = pose or Pose(0, 0, 0), []

    def detect(self, picture: Pixels) -> list[Face]:
        return [replace(face, pose=self.pose) for face in super().detect(picture)]

    def sharpen(self, picture: Pixels, scale: float) -> Pixels:
        self.calls.append("sharpen")
        size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
        return pixels(Image.fromarray(picture).resize(size))

    def retouch(self, picture: Pixels, face: Face, ratio: float) -> Pixels:
        self.calls.append("retouch")
        return super().retouch(picture, face, ratio)


def draw(faces: Sequence[tuple[tuple[int, int], int, tuple[int, int, int]]], seed: int = 0) -> Pixels:
    """A picture of 900 x 700 with faces (centre, width, colour); stripes make it crisp, blocks make it its own."""
    picture = draw_faces((900, 700), faces).astype(int)
    picture += (np.arange(900)[None, :, None] // 2 % 2) * 24 - 12
    rng = np.random.default_rng(seed)
    blocks = rng.integers(-70, 70, (7, 9)).repeat(100, axis=0).repeat(100, axis=1)
    green = (picture[..., 0] - picture[..., 1] < 20)[..., None]
    return np.clip(picture + blocks[..., None] * green, 0, 255).astype(np.uint8)


def photo(folder: Path, name: str, *faces: tuple[tuple[int, int], int, tuple[int, int, int]], seed: int = 0) -> Photo:
    file = folder / f"{name}.png"
    Image.fromarray(draw(faces, seed)).save(file, "BMP")  # ten times faster; content counts, not the suffix
    return Photo(file, file.name)


def anna(folder: Path, count: int, width: int = 320) -> list[Photo]:
    shades = [(220 - i, 150 + i, 120) for i in range(count)]
    return [photo(folder, f"anna{i}", ((450, 350), width, shades[i]), seed=i) for i in range(count)]


def run(photos: Sequence[Photo], folder: Path, toolbox: FakeFaces | None = None, **changes: object) -> TrainingSet:
    return prepare(photos, TrainRequest(**changes), toolbox or Toolbox(), folder / "set", silent)
