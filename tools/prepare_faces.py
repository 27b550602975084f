"""Cuts the training faces of the built-in model once: the face toolbox finds them, `builtin_model` does the rest.

python tools/prepare_faces.py --pictures DIR --out DIR [--avoid DIR ...]

DIR holds index.csv and the pictures it lists. Faces of the people in the --avoid folders are never trained on.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import cv2
import numpy as np

from builtin_model.inpaint.cache import FoundFace, build_cache
from easyphoto.domain import Floats, Pixels
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.paths import Paths, default_root

_SUFFIXES = {".jpg", ".jpeg", ".png"}


def main() -> None:
    """The command."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--avoid", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    toolbox = BuiltinToolbox(Paths(default_root()))
    avoid = [row for folder in options.avoid for row in embeddings(toolbox, folder)]
    rows = np.stack(avoid) if avoid else np.zeros((0, 128), np.float32)
    build_cache(options.pictures, lambda picture: find(toolbox, picture), rows, options.out)


def find(toolbox: BuiltinToolbox, picture: Pixels) -> FoundFace | None:
    """The largest face."""
    faces = toolbox.detect(picture)
    if not faces:
        return None
    face = max(faces, key=lambda one: one.box.area)
    return FoundFace(face.mesh, face.points, toolbox.embed(picture, face))


def embeddings(toolbox: BuiltinToolbox, folder: Path) -> list[Floats]:
    """Of every face in the pictures of a folder and those below it."""
    rows: list[Floats] = []
    for file in sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES):
        picture = np.asarray(cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB), np.uint8)
        rows.extend(toolbox.embed_all(picture, toolbox.detect(picture)))
    return rows


if __name__ == "__main__":
    main()
