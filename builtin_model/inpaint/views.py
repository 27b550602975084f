"""Training views: a cached face turned, shifted, mirrored and retoned at random, with its conditions."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from builtin_model.inpaint.cache import CANVAS, FaceCache
from builtin_model.inpaint.captions import caption_index
from builtin_model.inpaint.degradation import MEASURED, TRAINED, Degradation, degrade
from builtin_model.inpaint.frame import SIDE, Pixels, square, warp
from builtin_model.inpaint.geometry import CELL, cell_means, geometry_maps, oval_mask

FILL = 127
"""Gray value in place of what is to be painted."""

HINT_BLUR = 14.0
"""Standard deviation in frame pixels of the blur that leaves a color hint."""


@dataclass(frozen=True)
class Variation:
    """How far views differ from the cached face."""

    turn: float = 8.0  # degrees to either side
    zoom: tuple[float, float] = (0.93, 1.10)
    shift: float = 7.0  # pixels to each side
    mask: tuple[float, float] = (1.02, 1.3)  # of the face's oval
    whole: float = 0.12  # chance that the whole frame is to be painted
    faults: Degradation = TRAINED  # of the reference
    still: bool = False  # as it is, for measuring


STILL = Variation(0, (1, 1), 0, (1.12, 1.12), 0, MEASURED, still=True)


@dataclass(frozen=True, eq=False)
class View:
    """One training example; h = w = 32 cells."""

    frame: Pixels  # (256, 256, 3) RGB
    known: Pixels  # the frame with the masked part gray
    reference: Pixels  # the frame as fusion might bring it
    mask: NDArray[np.float16]  # (1, h, w)
    geometry: NDArray[np.float16]  # (6, h, w)
    color: NDArray[np.float16]  # (3, h, w) in -1..1
    caption: int  # index of CAPTIONS


def draw_view(cache: FaceCache, index: int, rng: Generator, how: Variation = Variation()) -> View:
    """A view of the face at that index."""
    frame, mesh = _drawn(cache, index, rng, how)
    mask = np.full((SIDE, SIDE), 255, np.uint8)
    if rng.random() >= how.whole:
        mask = oval_mask(mesh, SIDE, rng.uniform(*how.mask))
    other, _ = _drawn(cache, int(rng.integers(len(cache.records))), rng, STILL)
    oval = oval_mask(mesh, SIDE, rng.uniform(0.95, 1.08))
    return View(
        frame=frame,
        known=without(frame, mask),
        reference=degrade(frame, oval, other, rng, how.faults),
        mask=cell_means(mask)[None].astype(np.float16),
        geometry=geometry_maps(mesh, SIDE).astype(np.float16),
        color=color_hint(frame).astype(np.float16),
        caption=caption_index(frame),
    )


def without(frame: Pixels, mask: Pixels) -> Pixels:
    """The frame with gray where the mask (0..255) is."""
    share = mask.astype(np.uint16)[..., None]
    return np.asarray((frame * (255 - share) + FILL * share + 127) // 255, np.uint8)


def color_hint(frame: Pixels) -> NDArray[np.float32]:
    """(3, side / 8, side / 8) in -1..1: the frame's light and colors without any shape."""
    side = frame.shape[0]
    small = cv2.resize(frame, (side // 4, side // 4), interpolation=cv2.INTER_AREA).astype(np.float32)
    soft = cv2.GaussianBlur(small, (0, 0), HINT_BLUR * side / SIDE / 4)
    cells = cv2.resize(soft, (side // CELL, side // CELL), interpolation=cv2.INTER_AREA)
    return np.asarray(cells.transpose(2, 0, 1) / np.float32(127.5) - 1, np.float32)


def jittered(frame: Pixels, rng: Generator) -> Pixels:
    """Exposure, contrast, saturation and white balance changed by up to about a tenth."""
    table = (np.arange(256, dtype=np.float32) / 255) ** np.float32(rng.uniform(0.85, 1.18))
    gain = rng.uniform(0.9, 1.1) * rng.uniform(0.96, 1.04, 3).astype(np.float32)
    values = table[frame] * gain
    gray = values.mean(2, keepdims=True)
    values = gray + (values - gray) * np.float32(rng.uniform(0.85, 1.15))
    return np.asarray(np.clip(values, 0, 1) * 255 + 0.5, np.uint8)


def _drawn(cache: FaceCache, index: int, rng: Generator, how: Variation) -> tuple[Pixels, NDArray[np.float32]]:
    """(the frame, the mesh (468, 2) in it)."""
    center = CANVAS / 2 + rng.uniform(-how.shift, how.shift, 2)
    angle = np.radians(rng.uniform(-how.turn, how.turn))
    matrix = square(center, SIDE / rng.uniform(*how.zoom), float(angle), SIDE)
    frame = warp(cache.canvases[index], matrix, SIDE)
    mesh = np.asarray(cache.meshes[index] @ matrix[:, :2].T + matrix[:, 2], np.float32)
    if how.still:
        return frame, mesh
    if rng.random() < 0.5:
        frame, mesh = np.ascontiguousarray(frame[:, ::-1]), mirrored(mesh)
    return jittered(frame, rng), mesh


def mirrored(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mesh of the mirrored frame, for drawing only: left and right points keep their numbers."""
    return np.asarray(mesh * [-1, 1] + [SIDE, 0], np.float32)
