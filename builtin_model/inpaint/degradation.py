"""A face made worse as fusion makes it: blurred, retoned, misplaced, cut out with a seam, doubled, compressed.

The model learns to paint the true frame from such a reference; at use the reference is the fused frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from builtin_model.inpaint.frame import Pixels

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Degradation:
    """How strong and how likely each fault is. Lengths are frame pixels, amplitudes shares of 1."""

    blur: float = 4.2  # reduced by up to this and enlarged again
    common: float = 0.55  # standard deviation of the tone shift in log-odds
    channel: float = 0.12
    light: float = 0.35  # of a 4 x 4 field of light
    misplaced: float = 2.0  # largest shift
    noise: float = 0.03
    rim: float = 0.3  # chance that another face's skin shows between the seam and the oval
    doubled: float = 0.2  # chance that edges are doubled by a shifted copy
    jpeg: float = 0.3  # chance
    lean: float = 0.0  # above 0 slight faults are commoner: amplitudes are multiplied by a random number to its power


MEASURED = Degradation()
"""Always severe: what held-out faces are measured with."""

TRAINED = Degradation(lean=1.0)
"""From nothing to severe, so that the model learns to trust a reference that is good; fused faces mostly are."""


def degrade(frame: Pixels, oval: Pixels, other: Pixels, rng: Generator, how: Degradation) -> Pixels:
    """The frame with its face degraded inside a seam near the rim of the `oval` (0..255); outside it is unchanged.

    `other` is another person's frame, whose skin may show between the seam and the oval.
    """
    face = unit(blurred(frame, 1 + (how.blur - 1) * rng.random() * _share(rng, how)))
    face = retoned(face, rng, how, _share(rng, how))
    face = misplaced(face, rng, how.misplaced * _share(rng, how))
    if rng.random() < how.doubled:
        face = _doubled(face, rng)
    grain = np.float32(how.noise * rng.random() ** 2)
    face = face + rng.standard_normal(frame.shape, np.float32) * grain
    around = unit(frame)
    if rng.random() < how.rim:
        around = _rim(around, other, oval, rng)
    share = _seam(oval, rng)[..., None]
    mixed = np.clip(around + (face - around) * share, 0, 1)
    degraded = np.asarray(mixed * 255 + 0.5, np.uint8)
    return compressed(degraded, int(rng.integers(35, 92))) if rng.random() < how.jpeg else degraded


def _share(rng: Generator, how: Degradation) -> float:
    """How much of an amplitude is used, 0..1."""
    return float(rng.random() ** how.lean) if how.lean else 1.0


def unit(values: Pixels) -> Floats:
    """0..255 as 0..1."""
    return np.asarray(values.astype(np.float32) / np.float32(255), np.float32)


def blurred(frame: Pixels, ratio: float) -> Pixels:
    """Reduced `ratio` times and enlarged again."""
    side = frame.shape[0]
    small = cv2.resize(frame, (max(8, round(side / ratio)),) * 2, interpolation=cv2.INTER_AREA)
    method = cv2.INTER_CUBIC if ratio < 3 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(small, (side, side), interpolation=method), np.uint8)


def retoned(face: Floats, rng: Generator, how: Degradation, share: float) -> Floats:
    """`share` of an exposure, a white balance and a slowly changing light, added to the log-odds of values in 0..1."""
    field = cv2.resize(rng.standard_normal((4, 4), np.float32), face.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    shift = how.common * rng.standard_normal() + how.channel * rng.standard_normal(3) + how.light * field[..., None]
    factor = np.exp(-np.float32(share) * shift.astype(np.float32))  # sigmoid(logit(p) + s) = p / (p + (1 - p) exp(-s))
    return np.asarray(face / (face + (1 - face) * factor + np.float32(1e-6)), np.float32)


def misplaced(face: Floats, rng: Generator, most: float) -> Floats:
    """Moved smoothly by up to `most` pixels, differently at different places."""
    side = face.shape[0]
    coarse = rng.uniform(-most, most, (5, 5, 2)).astype(np.float32)
    shift = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    x, y = np.meshgrid(np.arange(side, dtype=np.float32), np.arange(side, dtype=np.float32))
    place = (x + shift[..., 0], y + shift[..., 1])
    return np.asarray(cv2.remap(face, *place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def compressed(frame: Pixels, quality: int) -> Pixels:
    """Through a JPEG of that quality."""
    _, data = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.cvtColor(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB), np.uint8)


def _doubled(face: Floats, rng: Generator) -> Floats:
    """A copy shifted by a few pixels shines through."""
    shift = np.array([[1, 0, rng.uniform(-5, 5)], [0, 1, rng.uniform(-5, 5)]], np.float32)
    copy = cv2.warpAffine(face, shift, face.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(face + (copy - face) * np.float32(rng.uniform(0.15, 0.45)), np.float32)


def _rim(around: Floats, other: Pixels, oval: Pixels, rng: Generator) -> Floats:
    """Another person's face laid under the seam, within the oval, in about the same tone."""
    inside = cv2.GaussianBlur(oval, (0, 0), rng.uniform(1, 4)).astype(np.float32)[..., None] / 255
    foreign = unit(other)
    weight = np.maximum(inside.sum(), 1)
    gap = ((around - foreign) * inside).sum((0, 1)) / weight
    return np.asarray(around + (np.clip(foreign + gap, 0, 1) - around) * inside, np.float32)


def _seam(oval: Pixels, rng: Generator) -> Floats:
    """0..1, 1 where the face was moved in: the oval shrunk or grown by some pixels, softly or sharply cut."""
    width = int(rng.integers(0, 12))
    kernel = np.ones((width + 1,) * 2, np.uint8)
    cut = cv2.erode(oval, kernel) if rng.random() < 0.75 else cv2.dilate(oval, kernel)
    if rng.random() < 0.4:  # the upper edge, between brows and hairline
        rows = np.flatnonzero(cut.max(1))
        if len(rows):
            top = rows[0] + int(rng.uniform(0, 0.2) * len(rows))
            cut[:top] = 0
    return unit(np.asarray(cv2.GaussianBlur(cut, (0, 0), rng.uniform(0.6, 7)), np.uint8))
