"""A sheet to look at: one row a person, first a photo, then the person in each template.

    python benchmarks/contact_sheet.py PEOPLE TEMPLATES SHEET.png [--frontal 6] [--cell 320] [--crop 1.9]

The same pairs as likeness.py. With ``--crop 1.4`` the faces fill the cells: seams show there.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import gettempdir

import cv2
import numpy as np
from likeness import measured, read_templates
from PIL import Image

from easyphoto.domain import Face, Pixels
from easyphoto.faces.builtin.face_parsing import CropWindow
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.paths import Paths


def cell(picture: Pixels, face: Face, side: int, crop: float) -> Pixels:
    """The face in the middle of a square of `side` pixels."""
    box = face.box
    part = CropWindow.round_face(box, (picture.shape[1], picture.shape[0]), crop).cut(picture)
    ratio = side / max(part.shape[:2])
    size = (max(1, round(part.shape[1] * ratio)), max(1, round(part.shape[0] * ratio)))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC)
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = small
    return square


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("templates", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--frontal", type=int, default=6)
    parser.add_argument("--share", type=float, default=0.6)
    parser.add_argument("--cell", type=int, default=320)
    parser.add_argument("--crop", type=float, default=1.9, help="cell side in face boxes")
    args = parser.parse_args()
    faces = BuiltinToolbox(Paths(Path(gettempdir())))
    templates = {one.file.stem: one for one in read_templates(args.templates, faces, args.frontal)}
    rows: dict[str, list[Pixels]] = {}
    for row, picture, photo in measured(args.people, list(templates.values()), faces, args.share):
        line = rows.setdefault(row.person, [cell(photo.source.picture, photo.source.face, args.cell, args.crop)])
        line.append(cell(picture, templates[row.template].source.face, args.cell, args.crop))
    wide = max(len(line) for line in rows.values())
    blank = np.full((args.cell, args.cell, 3), 255, np.uint8)
    lines = [np.hstack(line + [blank] * (wide - len(line))) for line in rows.values()]
    Image.fromarray(np.vstack(lines)).save(args.sheet)


if __name__ == "__main__":
    main()
