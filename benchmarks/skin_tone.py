"""Whether portraits keep the person's skin tone, and face and neck agree: fusion alone, without and with retoning.

    python benchmarks/skin_tone.py PEOPLE TEMPLATES [--only NAME ...] [--faceres DIR] [--sheet FILE]

PEOPLE holds one folder of photos a person (up to eight are used, one will do), TEMPLATES pictures whose largest face
is taken. One table a way, rows by the person's tone group: lightness error, group kept, CIEDE2000 of face against neck
beyond the template's own, difference of both cheeks against the template's, distances to the photos.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

import cv2
import numpy as np
from likeness import Shown, found_again, mean_distance, pictures, read
from picture_measures import CHEEKS, ita_group, lab, neck, neck_difference, patch_tone, skin_tone
from PIL import Image

from easyphoto.domain import Face, Floats, Pixels
from easyphoto.errors import EasyPhotoError
from easyphoto.faces.base import FusionSource, FusionTarget
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.skin_locus import plausible
from easyphoto.paths import Paths
from easyphoto.portrait.subject import balanced

WAYS = ("template's tone", "person's tone")
PHOTOS = 8
CELL = 400  # pixels of a cell of the sheet


@dataclass(frozen=True, eq=False)
class Sitter:
    """A person with what portraits are measured against."""

    name: str
    photos: list[Shown]
    sources: list[FusionSource]
    tone: Floats  # aimed at
    seen: Floats  # as `picture_measures` sees the photos


@dataclass(frozen=True)
class Row:
    """One portrait."""

    group: str
    lightness: float  # absolute difference
    kept: bool  # the tone group
    neck: float | None  # beyond the template's own
    sides: float  # absolute difference of (left cheek - right cheek) to the template's, L*
    distance: float
    cosine: float | None


def sitter(folder: Path, faces: BuiltinToolbox) -> Sitter | None:
    """None where no photo shows a face."""
    photos = [shown for file in pictures(folder)[:PHOTOS] if (shown := read(file, faces)) is not None]
    if not photos:
        return None
    sources, tones = balanced([photo.source for photo in photos], faces)
    seen = np.median([skin_tone(s.picture, s.face.mesh) for s in sources if s.face.mesh is not None], axis=0)
    return Sitter(folder.name, photos, sources, plausible(np.median(tones, axis=0)), plausible(seen))


def portrait(template: Shown, person: Sitter, own: bool, faces: BuiltinToolbox) -> Pixels:
    """The person in the template, in the own tone or in the template's."""
    picture, face = template.source.picture, template.source.face
    if own:
        others = [one for one in faces.detect(picture) if one.box.overlap(face.box) < 0.5]
        picture = faces.retone(picture, face, others, person.tone)
    return faces.fuse(FusionTarget(picture, face), person.sources).picture


def measured(made: Pixels, template: Shown, person: Sitter, judges: tuple[BuiltinToolbox, object | None]) -> Row:
    """The figures of one portrait."""
    faces, other = judges
    picture, face = template.source.picture, template.source.face
    again = found_again(made, face, faces)
    assert face.mesh is not None
    assert again.mesh is not None
    where = neck(face.mesh, faces.regions(picture, face).skin)
    before, after = neck_difference(picture, face.mesh, where), neck_difference(made, again.mesh, where)
    tone = skin_tone(made, again.mesh)
    return Row(
        group=ita_group(person.seen),
        lightness=abs(float(tone[0] - person.seen[0])),
        kept=ita_group(tone) == ita_group(person.seen),
        neck=None if before is None or after is None else after - before,
        sides=abs(_sides(made, again) - _sides(picture, face)),
        distance=mean_distance(faces.embed(made, again), person.photos),
        cosine=None if other is None else _cosine(other, made, again, person),
    )


def _sides(picture: Pixels, face: Face) -> float:
    assert face.mesh is not None
    left, right = (patch_tone(lab(picture), face.mesh, cheek)[0] for cheek in CHEEKS)
    return float(left - right)


def _cosine(judge: object, made: Pixels, face: Face, person: Sitter) -> float:
    def vector(picture: Pixels, where: Face) -> Floats:
        box = where.box
        return judge.embed(picture, (box.left, box.top, box.right, box.bottom))  # type: ignore[attr-defined]

    theirs = [vector(photo.source.picture, photo.source.face) for photo in person.photos]
    return float(np.median([vector(made, face) @ one for one in theirs]))


def print_table(way: str, rows: Sequence[Row]) -> None:
    """A row a tone group, and all."""
    print(f"\n{way:<18}{'pairs':>6}{'|dL*|':>7}{'<= 5':>6}{'kept':>6}{'neck':>7}{'sides':>7}{'dlib':>7}{'faceres':>9}")
    for group in (*dict.fromkeys(row.group for row in rows), "all"):
        some = [row for row in rows if group in (row.group, "all")]
        necks = [row.neck for row in some if row.neck is not None]
        cosines = [row.cosine for row in some if row.cosine is not None]
        print(
            f"{group:<18}{len(some):>6}{np.mean([r.lightness for r in some]):>7.1f}"
            f"{np.mean([r.lightness <= 5 for r in some]):>6.0%}{np.mean([r.kept for r in some]):>6.0%}"
            f"{np.median(necks) if necks else np.nan:>+7.1f}{np.mean([r.sides for r in some]):>7.1f}"
            f"{np.median([r.distance for r in some]):>7.3f}{np.median(cosines) if cosines else np.nan:>9.3f}"
        )


def _cell(picture: Pixels) -> Pixels:
    side = min(picture.shape[:2])
    return np.asarray(cv2.resize(picture[:side, :side], (CELL, CELL), interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("templates", type=Path)
    parser.add_argument("--only", nargs="*", default=[], help="templates by stem")
    parser.add_argument("--faceres", type=Path)
    parser.add_argument("--sheet", type=Path)
    args = parser.parse_args()
    faces = BuiltinToolbox(Paths(Path(gettempdir())))
    judge = None
    if args.faceres:
        from faceres import FaceRes

        judge = FaceRes(args.faceres)
    files = [file for file in pictures(args.templates) if not args.only or file.stem in args.only]
    templates = [shown for file in files if (shown := read(file, faces)) is not None]
    rows: dict[str, list[Row]] = {way: [] for way in WAYS}
    page = [[np.zeros((CELL, CELL, 3), np.uint8), *(_cell(t.source.picture) for t in templates)]]
    for folder in sorted(entry for entry in args.people.iterdir() if entry.is_dir()):
        person = sitter(folder, faces)
        if person is None:
            continue
        lines = [[_cell(person.sources[0].picture)] for _ in WAYS]
        for template in templates:
            try:
                made = [portrait(template, person, way == WAYS[1], faces) for way in WAYS]
            except EasyPhotoError as refusal:
                print(f"{person.name} in {template.file.stem}: {refusal}")
                made = []
            for way, one in zip(WAYS, made, strict=False):
                rows[way].append(measured(one, template, person, (faces, judge)))
            for number, line in enumerate(lines):
                line.append(_cell(made[number]) if made else np.zeros((CELL, CELL, 3), np.uint8))
        page += lines
    for way in WAYS:
        print_table(way, rows[way])
    if args.sheet:
        Image.fromarray(np.vstack([np.hstack(line) for line in page])).save(args.sheet, quality=88)


if __name__ == "__main__":
    main()
