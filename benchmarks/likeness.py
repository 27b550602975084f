"""How near fused portraits come to the person: fusion alone, no training.

    python benchmarks/likeness.py PEOPLE TEMPLATES [--frontal 6] [--share 0.6] [--json FILE]

PEOPLE holds one folder a person, TEMPLATES pictures with one face. The first `share` of each
person's photos (at most 15) are sources, the others are held out and only measured against.
Distances are L2 of the toolbox's recogniser; the face is found anew in the result.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import gettempdir

import numpy as np

from easyphoto.domain import Face, Floats, Pixels
from easyphoto.errors import EasyPhotoError
from easyphoto.faces.base import FusionSource, FusionTarget
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.images.opening import open_picture
from easyphoto.paths import Paths

PICTURES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True)
class Row:
    """One person in one template; distances are means over the person's photos."""

    person: str
    template: str
    held_out: float
    sources: float
    to_template: float
    before: float  # of the template's own face to the held-out photos
    pose_gap: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture with its largest face, embedding included."""

    file: Path
    source: FusionSource

    @property
    def vector(self) -> Floats:
        assert self.source.face.embedding is not None
        return self.source.face.embedding


def read(file: Path, faces: BuiltinToolbox) -> Shown | None:
    """None where there is no face."""
    picture = np.asarray(open_picture(file), np.uint8)
    found = faces.detect(picture)
    if not found:
        return None
    face = max(found, key=lambda one: one.box.area)
    return Shown(file, FusionSource(picture, replace(face, embedding=faces.embed(picture, face))))


def pictures(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES)


def read_all(folder: Path, faces: BuiltinToolbox) -> list[Shown]:
    return [shown for file in pictures(folder) if (shown := read(file, faces)) is not None]


def read_templates(folder: Path, faces: BuiltinToolbox, frontal: int) -> list[Shown]:
    """The `frontal` ones that look most into the camera, or all for 0."""
    templates = read_all(folder, faces)
    if frontal:
        templates = sorted(templates, key=lambda t: abs(t.source.face.pose.yaw))[:frontal]
    return sorted(templates, key=lambda t: t.file)


def split(photos: list[Shown], share: float) -> tuple[list[Shown], list[Shown]]:
    """(sources, held out)."""
    count = min(15, max(1, int(len(photos) * share)), len(photos) - 1)
    return photos[:count], photos[count:]


def measure(sources: list[Shown], held: list[Shown], template: Shown, faces: BuiltinToolbox) -> tuple[Row, Pixels]:
    """Fuse, find the face anew, measure."""
    start = time.perf_counter()
    fused = faces.fuse(FusionTarget(template.source.picture, template.source.face), [one.source for one in sources])
    seconds = time.perf_counter() - start
    vector = faces.embed(fused.picture, found_again(fused.picture, template.source.face, faces))
    return Row(
        person=sources[0].file.parent.name,
        template=template.file.stem,
        held_out=mean_distance(vector, held),
        sources=mean_distance(vector, sources),
        to_template=float(np.linalg.norm(vector - template.vector)),
        before=mean_distance(template.vector, held),
        pose_gap=fused.pose_gap,
        seconds=seconds,
    ), fused.picture


def found_again(picture: Pixels, where: Face, faces: BuiltinToolbox) -> Face:
    return max(faces.detect(picture), key=lambda one: one.box.overlap(where.box), default=where)


def mean_distance(vector: Floats, shown: list[Shown]) -> float:
    return float(np.mean([np.linalg.norm(vector - one.vector) for one in shown]))


def measured(
    people: Path, templates: list[Shown], faces: BuiltinToolbox, share: float
) -> Iterator[tuple[Row, Pixels, Shown]]:
    """Every person in every template; a pair that fusion refuses is said and left out."""
    for folder in sorted(entry for entry in people.iterdir() if entry.is_dir()):
        photos = read_all(folder, faces)
        if len(photos) < 2:
            continue
        sources, held = split(photos, share)
        for template in templates:
            try:
                row, picture = measure(sources, held, template, faces)
            except EasyPhotoError as refusal:
                print(f"{folder.name} in {template.file.stem}: {refusal}")
                continue
            yield row, picture, sources[0]


def summary(rows: list[Row]) -> dict[str, float]:
    """The figures that count."""
    held = np.array([row.held_out for row in rows])
    nearer = np.array([row.held_out < row.to_template for row in rows])
    return {
        "pairs": len(rows),
        "median_held_out": float(np.median(held)),
        "p10_held_out": float(np.percentile(held, 10)),
        "p90_held_out": float(np.percentile(held, 90)),
        "worst_held_out": float(held.max()),
        "median_before": float(np.median([row.before for row in rows])),
        "median_to_template": float(np.median([row.to_template for row in rows])),
        "share_nearer_to_person": float(nearer.mean()),
        "share_under_0.6": float((held < 0.6).mean()),
        "median_seconds": float(np.median([row.seconds for row in rows])),
    }


def print_table(rows: list[Row]) -> None:
    templates = sorted({row.template for row in rows})
    print("held-out distance".ljust(20), *(name[-10:].rjust(11) for name in templates))
    for person in sorted({row.person for row in rows}):
        cells = {row.template: row.held_out for row in rows if row.person == person}
        print(person.ljust(20), *(f"{cells[name]:11.3f}" if name in cells else " " * 11 for name in templates))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("templates", type=Path)
    parser.add_argument("--frontal", type=int, default=6, help="how many templates, the most frontal; 0 = all")
    parser.add_argument("--share", type=float, default=0.6, help="of a person's photos used as sources")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    faces = BuiltinToolbox(Paths(Path(gettempdir())))
    templates = read_templates(args.templates, faces, args.frontal)
    rows = [row for row, _, _ in measured(args.people, templates, faces, args.share)]
    print_table(rows)
    figures = summary(rows)
    for name, value in figures.items():
        print(f"{name:24} {value:.3f}")
    if args.json:
        args.json.write_text(json.dumps({"summary": figures, "rows": [asdict(row) for row in rows]}, indent=1))


if __name__ == "__main__":
    main()
