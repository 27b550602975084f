"""Training pictures of the built-in base model: face crops at many scales, each with a short measured caption."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

Pixels = NDArray[np.uint8]

FACE_PX = (90, 200)
"""Width of the face in a training crop; what the product renders at lies in between."""

_MAX_ENLARGE = 1.5


@dataclass(frozen=True)
class TrainingPortrait:
    """One face crop, kept as it lies on disk."""

    jpeg: bytes
    side: int  # pixels
    face: float  # width of the face as a fraction of the side
    weight: float  # how often it is drawn


@dataclass(frozen=True)
class Sample:
    """One training crop."""

    picture: Pixels  # side x side x 3 RGB
    caption: str


def read_portraits(folder: Path) -> list[TrainingPortrait]:
    """All pictures listed in `folder`/index.csv (file, side_px, face_width_fraction); small ones weigh half."""
    with (folder / "index.csv").open(newline="", encoding="utf-8") as rows:
        listed = list(csv.DictReader(rows))
    return [_read(folder, row) for row in listed]


def _read(folder: Path, row: dict[str, str]) -> TrainingPortrait:
    side, face = int(row["side_px"]), float(row["face_width_fraction"])
    return TrainingPortrait((folder / row["file"]).read_bytes(), side, face, 1.0 if side >= 240 else 0.5)


def draw_sample(portrait: TrainingPortrait, side: int, rng: Generator) -> Sample:
    """A random crop of side x side at a random scale, perhaps mirrored, colours jittered a little."""
    whole = cv2.imdecode(np.frombuffer(portrait.jpeg, np.uint8), cv2.IMREAD_COLOR)
    whole = cv2.cvtColor(whole, cv2.COLOR_BGR2RGB)
    scale = _draw_scale(portrait, side, rng)
    scaled = max(side, round(whole.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(whole, (scaled, scaled), interpolation=method)
    left, top = rng.integers(0, scaled - side + 1, 2)
    crop = resized[top : top + side, left : left + side]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    jittered = jitter(crop, rng)
    return Sample(jittered, caption(jittered, portrait.face * scaled / side))


def _draw_scale(portrait: TrainingPortrait, side: int, rng: Generator) -> float:
    face_px = portrait.face * portrait.side
    wanted = rng.uniform(*FACE_PX) / face_px
    return float(max(min(wanted, _MAX_ENLARGE), side / portrait.side))


def jitter(picture: Pixels, rng: Generator) -> Pixels:
    """Exposure, contrast, saturation and white balance changed by up to about a tenth."""
    floats = picture.astype(np.float32) / 255
    gain = rng.uniform(0.9, 1.1) * rng.uniform(0.96, 1.04, 3).astype(np.float32)
    floats = np.clip(floats, 0, 1) ** np.float32(rng.uniform(0.85, 1.18)) * gain
    gray = floats.mean(2, keepdims=True)
    floats = gray + (floats - gray) * np.float32(rng.uniform(0.85, 1.15))
    jittered: Pixels = (np.clip(floats, 0, 1) * 255 + 0.5).astype(np.uint8)
    return jittered


def caption(picture: Pixels, face: float) -> str:
    """What can be measured, in words: distance (`face` = face width / side), light, warmth, sharpness."""
    gray = picture.mean(2)
    red, _, blue = picture.reshape(-1, 3).mean(0)
    edges = cv2.Laplacian(gray.astype(np.float32), cv2.CV_32F).std()
    words = [
        "close-up" if face > 0.62 else "portrait",
        "bright" if gray.mean() > 150 else "dark" if gray.mean() < 85 else "even light",
        "warm" if red - blue > 35 else "cool" if red - blue < 5 else "neutral colour",
        "sharp photo" if edges > 12 else "soft photo" if edges < 6 else "photo",
    ]
    return "1person, " + ", ".join(words)


def stack(samples: list[Sample]) -> Tensor:
    """(n, 3, side, side) in -1..1."""
    array = np.stack([sample.picture for sample in samples])
    return torch.from_numpy(array).permute(0, 3, 1, 2).float() / 127.5 - 1


class PortraitSource:
    """Draws batches; the state is the random generator's, so that a resumed run goes on differently but soundly."""

    def __init__(self, folder: Path, side: int, seed: int) -> None:
        self.portraits = read_portraits(folder)
        self.side = side
        self.rng = np.random.default_rng(seed)
        weights = np.array([portrait.weight for portrait in self.portraits])
        self._chances = weights / weights.sum()

    def draw(self, count: int) -> list[Sample]:
        """That many fresh crops."""
        chosen = self.rng.choice(len(self.portraits), count, p=self._chances)
        return [draw_sample(self.portraits[index], self.side, self.rng) for index in chosen]

    def pictures(self, count: int) -> Tensor:
        """Crops only, (n, 3, side, side) in -1..1."""
        return stack(self.draw(count))
