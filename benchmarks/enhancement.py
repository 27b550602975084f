"""What enhancing the person's photos does to fused faces: sharpness against the template's, likeness twice, time.

    python benchmarks/enhancement.py PEOPLE TEMPLATES --faceres DIR --out OUT [--names person01 ...] [--frontal 6]

Fusion alone. Of each person's photos the first three fifths (at most 15) are sources, the others are only measured
against: dlib's L2 (lower is nearer) and the cosine of a recognizer that the program does not use (higher is nearer),
medians. Sharpness is the standard deviation of the Laplacian over the inner face at one scale, divided by the
template's own. Writes a sheet a person (template, as they are, enhanced; faces at 100 %) and result.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import cv2
import numpy as np
from faceres import FaceRes
from likeness import found_again, read_all, read_templates, split
from picture_measures import sharpness
from PIL import Image

from easyphoto.domain import Face, Pixels
from easyphoto.errors import EasyPhotoError
from easyphoto.faces.base import FusionSource, FusionTarget, unprepared
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.paths import Paths


class Enhancement:
    """Enhances each photo once and counts the processor time."""

    def __init__(self, faces: BuiltinToolbox) -> None:
        self.faces, self.made, self.seconds = faces, {}, []

    def __call__(self, source: FusionSource) -> FusionSource:
        if id(source) not in self.made:
            start = time.process_time()
            self.made[id(source)] = self.faces.enhance(source)
            self.seconds.append(time.process_time() - start)
        return self.made[id(source)]


def box_of(face: Face) -> tuple[float, float, float, float]:
    return face.box.left, face.box.top, face.box.right, face.box.bottom


def cut(picture: Pixels, face: Face, side: int = 640) -> Pixels:
    """A square of 1.3 face heights, black beyond the picture."""
    (x, y), span = face.box.center, 1.3 * face.box.height
    ratio = side / span
    matrix = np.float32([[ratio, 0, side / 2 - x * ratio], [0, ratio, side / 2 - y * ratio]])
    return cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_CUBIC if ratio > 1 else cv2.INTER_AREA)


def print_table(rows: Sequence[dict[str, Any]], seconds: Sequence[float], title: str = "all") -> None:
    """Medians of the variants."""
    print(f"\n| {title} | dlib | independent | sharpness / template's |\n|---|---|---|---|")
    for name in dict.fromkeys(row["variant"] for row in rows):
        columns = [[row[key] for row in rows if row["variant"] == name] for key in ("dlib", "faceres", "sharpness")]
        dlib, independent, sharp = (float(np.median(column)) for column in columns)
        print(f"| {name} | {dlib:.3f} | {independent:.3f} | {sharp:.2f} |")
    print(f"{len(seconds)} photos enhanced, median {np.median(seconds):.1f} s of processor time each", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("templates", type=Path)
    parser.add_argument("--faceres", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--names", nargs="*", default=[])
    parser.add_argument("--frontal", type=int, default=6)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    faces, second = BuiltinToolbox(Paths(Path(gettempdir()))), FaceRes(args.faceres)
    enhancement = Enhancement(faces)
    variants: dict[str, Callable[[FusionSource], FusionSource]] = {"as they are": unprepared, "enhanced": enhancement}
    templates = read_templates(args.templates, faces, args.frontal)
    rows = []
    for folder in sorted(f for f in args.people.iterdir() if f.is_dir() and (not args.names or f.name in args.names)):
        sources, held = split(read_all(folder, faces), 0.6)
        theirs = [second.embed(one.source.picture, box_of(one.source.face)) for one in held]
        strips = []
        for template in templates:
            picture, face = template.source.picture, template.source.face
            strip = [cut(picture, face)]
            for name, prepare in variants.items():
                try:
                    target = FusionTarget(picture, face)
                    fused = faces.fuse(target, [one.source for one in sources], prepare=prepare).picture
                except EasyPhotoError as refusal:
                    print(f"{folder.name} in {template.file.stem}: {refusal}")
                    break
                found = found_again(fused, face, faces)
                vector, other = faces.embed(fused, found), second.embed(fused, box_of(found))
                rows.append(
                    {
                        "person": folder.name,
                        "template": template.file.stem,
                        "variant": name,
                        "dlib": float(np.median([np.linalg.norm(vector - one.vector) for one in held])),
                        "faceres": float(np.median([other @ vector2 for vector2 in theirs])),
                        "sharpness": sharpness(fused, found.mesh) / sharpness(picture, face.mesh),
                    }
                )
                strip.append(cut(fused, face))
            if len(strip) == 3:
                strips.append(np.vstack(strip))
        print_table([row for row in rows if row["person"] == folder.name], enhancement.seconds, folder.name)
        Image.fromarray(np.hstack(strips)).save(args.out / f"{folder.name}.jpg", quality=92)
    print_table(rows, enhancement.seconds)
    (args.out / "result.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
