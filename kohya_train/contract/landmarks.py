"""The face of a picture as a JSON file beside it, for families that train on upright frames; the trainer finds none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from kohya_train.contract.failures import BadConfig

MARK = "-landmarks.json"
"""End of the file's name, behind the picture's stem."""

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Landmarks:
    """In pixels of the picture, x then y."""

    points: Points  # 5: eye left in the picture, eye right, nose tip, mouth left, right
    mesh: Points  # 468, MediaPipe's


def landmarks_file(picture: Path) -> Path:
    """Where the landmarks of a picture lie."""
    return picture.with_name(picture.stem + MARK)


def write_landmarks(picture: Path, face: Landmarks) -> None:
    """Beside the picture."""
    told = {name: [[round(x, 2), round(y, 2)] for x, y in getattr(face, name)] for name in ("points", "mesh")}
    landmarks_file(picture).write_text(json.dumps(told), encoding="utf-8")


def read_landmarks(picture: Path) -> Landmarks:
    """Those beside the picture. Raises BadConfig; OSError when they cannot be read."""
    try:
        told = json.loads(landmarks_file(picture).read_text(encoding="utf-8"))
        points, mesh = ([(float(x), float(y)) for x, y in told[name]] for name in ("points", "mesh"))
    except (ValueError, KeyError, TypeError) as problem:
        raise BadConfig("no-landmarks", file=picture.name) from problem
    return Landmarks(tuple(points), tuple(mesh))
