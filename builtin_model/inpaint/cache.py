"""The training faces as files: upright cuts with a margin to turn and shift in, meshes, what is known of each."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from builtin_model.inpaint.frame import SIDE, Pixels, frame_of, warp
from builtin_model.inpaint.geometry import oval_mask

_log = logging.getLogger(__name__)

CANVAS = 320
"""Pixels a side of a cached cut: the frame in its middle, and a margin for augmentation around it."""

OFFSET = (CANVAS - SIDE) / 2


@dataclass(frozen=True, eq=False)
class FoundFace:
    """What the face toolbox finds in a picture."""

    mesh: ArrayLike  # (468, 2 or more), pixels of the picture
    points: ArrayLike  # (5, 2): eye left, eye right, nose tip, mouth left, right
    embedding: ArrayLike  # the recognizer's vector, unit of its L2 distance


FindFace = Callable[[Pixels], FoundFace | None]
"""The face of an RGB picture, or None."""


@dataclass(frozen=True)
class FaceRecord:
    """One cached face."""

    file: str
    source: str  # the data set
    zoom: float  # by how much the picture was enlarged for the frame
    tone: float  # individual typology angle of the skin in degrees: about 60 very light, -40 very dark
    held_out: bool  # never trained on


@dataclass(frozen=True, eq=False)
class FaceCache:
    """All cached faces, memory mapped."""

    records: tuple[FaceRecord, ...]
    canvases: NDArray[np.uint8]  # (n, 320, 320, 3) RGB
    meshes: NDArray[np.float32]  # (n, 468, 2), canvas pixels

    def chosen(self, held_out: bool) -> list[int]:
        """Indices of the faces to measure on, or of those to train on."""
        return [index for index, record in enumerate(self.records) if record.held_out == held_out]


def read_cache(folder: Path) -> FaceCache:
    """A folder of `build_cache`. Raises OSError where there is none."""
    rows = json.loads((folder / "faces.json").read_text(encoding="utf-8"))
    return FaceCache(
        tuple(FaceRecord(**row) for row in rows),
        np.load(folder / "canvases.npy", mmap_mode="r"),
        np.load(folder / "meshes.npy"),
    )


def build_cache(pictures: Path, find: FindFace, avoid: NDArray[np.float32], out: Path, held_out: int = 200) -> None:
    """Cut every picture listed in `pictures`/index.csv.

    Faces whose embedding lies within .45 of a row of `avoid` (k, d) are held out: measuring pictures
    show the same people. Others are added until `held_out` are, evenly over the list.
    """
    records: list[FaceRecord] = []
    meshes: list[NDArray[np.float32]] = []
    out.mkdir(parents=True, exist_ok=True)
    files = list(_listed(pictures))
    canvases = np.lib.format.open_memmap(out / "canvases.npy", "w+", np.uint8, (len(files), CANVAS, CANVAS, 3))
    for file in files:
        picture = np.asarray(cv2.cvtColor(cv2.imread(str(pictures / file)), cv2.COLOR_BGR2RGB), np.uint8)
        found = find(picture)
        if found is None:
            _log.info("no face in %s", file)
            continue
        canvas, mesh, zoom = cut_canvas(picture, found)
        known = bool(len(avoid)) and float(np.linalg.norm(avoid - np.asarray(found.embedding), axis=1).min()) < 0.45
        canvases[len(records)] = canvas
        records.append(FaceRecord(file, file.split("/")[0], zoom, skin_tone(canvas, mesh), known))
        meshes.append(mesh)
    canvases.flush()
    np.save(out / "meshes.npy", np.stack(meshes))
    rows = [asdict(record) for record in _with_held_out(records, held_out)]
    (out / "faces.json").write_text(json.dumps(rows), encoding="utf-8")


def cut_canvas(picture: Pixels, found: FoundFace) -> tuple[Pixels, NDArray[np.float32], float]:
    """(the 320 px cut, the mesh (468, 2) in it, by how much the picture was enlarged)."""
    frame = frame_of(found.points)
    matrix = frame.matrix + np.array([[0, 0, OFFSET], [0, 0, OFFSET]])
    mesh = np.asarray(frame.points(found.mesh) + OFFSET, np.float32)
    return warp(picture, matrix, CANVAS), mesh, frame.zoom


def skin_tone(canvas: Pixels, mesh: NDArray[np.float32]) -> float:
    """Individual typology angle (Chardon et al. 1991) of the inner face in degrees, by the median L* and b*."""
    inner = oval_mask(mesh, canvas.shape[0], 0.7) > 127
    lab = cv2.cvtColor(canvas.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[inner]
    lightness, blue_yellow = float(np.median(lab[:, 0])), float(np.median(lab[:, 2]))
    return float(np.degrees(np.arctan2(lightness - 50, max(blue_yellow, 1e-3))))


def _listed(pictures: Path) -> Iterator[str]:
    with (pictures / "index.csv").open(newline="", encoding="utf-8") as rows:
        yield from (row["file"] for row in csv.DictReader(rows))


def _with_held_out(records: list[FaceRecord], wanted: int) -> list[FaceRecord]:
    free = [index for index, record in enumerate(records) if not record.held_out]
    missing = min(len(free), max(0, wanted - (len(records) - len(free))))
    more = {free[round(place)] for place in np.linspace(0, len(free) - 1, missing)}
    return [FaceRecord(**{**asdict(r), "held_out": r.held_out or i in more}) for i, r in enumerate(records)]
