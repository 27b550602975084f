"""The whole journey on real people, without a training: quick portraits, measured on photos that were not used.

    python benchmarks/portraits.py PEOPLE TEMPLATES --out OUT [--faceres DIR] [--people 12] [--only STEM ...]

PEOPLE holds one folder of photos a person, TEMPLATES single-face pictures. The first eight photos are used, the others
measured against (the same ones where there are no more). Every portrait is a line of OUT/rows.jsonl: what is there is
not made again, so that a long run can be cut short. Prints one row a group of the person's skin tone.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from likeness import Shown, pictures, read
from picture_measures import ita_group, neck, neck_difference, sharpness, skin_tone

from easyphoto.domain import (
    Face,
    Floats,
    ModelFamily,
    Photo,
    Pixels,
    PortraitRequest,
    QuickRequest,
    SavedPortrait,
    Template,
)
from easyphoto.errors import EasyPhotoError
from easyphoto.faces.base import FaceToolbox
from easyphoto.faces.fusion.expression import expression_gap, expression_of
from easyphoto.faces.skin_locus import plausible
from easyphoto.images import open_picture
from easyphoto.studio import Studio

PHOTOS = 8
Judge = Callable[[Pixels, Face], Floats]  # a unit vector


@dataclass(frozen=True)
class Row:
    """One person in one template; all figures are None where it was refused."""

    person: str
    template: str
    group: str  # of the person's skin tone
    refused: str = ""
    notes: tuple[str, ...] = ()
    before: float | None = None  # L2 of the template's own face
    distance: float | None = None  # and of the portrait
    cosine: float | None = None  # of a recognizer that the program does not use
    lightness: float | None = None  # absolute difference to the photos, L*
    neck: float | None = None  # CIEDE2000 to the face, beyond the template's own
    sharpness: float | None = None  # in the template's
    expression: float | None = None  # gap to the template's


@dataclass(frozen=True, eq=False)
class Measures:
    """What portraits of one person are measured with."""

    faces: FaceToolbox
    judge: Judge | None
    held: Sequence[Shown]
    tone: Floats
    group: str

    @classmethod
    def of(cls, files: Sequence[Path], faces: FaceToolbox, judge: Judge | None) -> Measures:
        """Of one person's photos."""
        shown = [one for file in files if (one := read(file, faces)) is not None]  # type: ignore[arg-type]
        used = [one for one in shown if one.file in files[:PHOTOS]]
        tones = [skin_tone(one.source.picture, _mesh(one.source.face)) for one in used]
        tone = plausible(np.median(tones, axis=0))
        return cls(faces, judge, [one for one in shown if one not in used] or used, tone, ita_group(tone))

    def distance(self, picture: Pixels, face: Face) -> float:
        """Median L2 to the photos."""
        vector = self.faces.embed(picture, face)
        return float(np.median([np.linalg.norm(vector - one.vector) for one in self.held]))

    def cosine(self, picture: Pixels, face: Face) -> float | None:
        """Median cosine of the independent recognizer."""
        if self.judge is None:
            return None
        vector = self.judge(picture, face)
        return float(np.median([vector @ self.judge(one.source.picture, one.source.face) for one in self.held]))

    def row(self, person: str, template: Path, portrait: SavedPortrait) -> Row:
        """The figures of one portrait."""
        before, after = (np.asarray(open_picture(file)) for file in (template, portrait.file))
        face, now = (max(self.faces.detect(one), key=lambda f: f.box.area) for one in (before, after))
        was, mesh = _mesh(face), _mesh(now)
        where = neck(was, self.faces.regions(before, face).skin)
        necks = neck_difference(before, was, where), neck_difference(after, mesh, where)
        return Row(
            person,
            template.stem,
            self.group,
            notes=tuple(note.code for note in portrait.notes),
            before=self.distance(before, face),
            distance=self.distance(after, now),
            cosine=self.cosine(after, now),
            lightness=abs(float(skin_tone(after, mesh)[0] - self.tone[0])),
            neck=None if necks[0] is None or necks[1] is None else necks[1] - necks[0],
            sharpness=sharpness(after, mesh) / max(sharpness(before, was), 1e-6),
            expression=expression_gap(expression_of(mesh), expression_of(was)),
        )


def _mesh(face: Face) -> Floats:
    assert face.mesh is not None
    return face.mesh


def rows_of(folder: Path, templates: Sequence[Path], studio: Studio, out: Path, judge: Judge | None) -> Iterator[Row]:
    """One person in all the templates, one after the other."""
    files = pictures(folder)
    measures = Measures.of(files, studio.faces, judge)
    photos, by_name = [Photo(f, f.name) for f in files[:PHOTOS]], {f.name: f for f in templates}
    request = QuickRequest(PortraitRequest.for_family(ModelFamily.BUILTIN, seed=1), consent=True)
    wanted, place = [Template(f, f.name) for f in templates], out / "portraits" / folder.name
    made: list[SavedPortrait | EasyPhotoError] = []
    studio.quick(request, photos, wanted, out=place, on_result=made.append)
    for template, result in zip(templates, made, strict=True):
        if isinstance(result, SavedPortrait):
            yield measures.row(folder.name, by_name[result.template], result)
        else:
            yield Row(folder.name, template.stem, measures.group, refused=result.code)


def print_table(rows: Sequence[Row]) -> None:
    """A row a tone group, and all; medians, but for the lightness."""
    columns = ("before", "distance", "cosine", "lightness", "neck", "sharpness", "expression")
    print(f"{'group':<14}{'pairs':>6}{'refused':>8}" + "".join(f"{name:>11}" for name in columns) + f"{'|dL*|<=5':>10}")
    for group in (*dict.fromkeys(row.group for row in rows), "all"):
        some = [row for row in rows if group in (row.group, "all")]
        values = {name: [v for row in some if (v := getattr(row, name)) is not None] for name in columns}
        means = {name: (np.mean if name == "lightness" else np.median)(values[name] or [np.nan]) for name in columns}
        print(
            f"{group:<14}{len(some):>6}{sum(bool(row.refused) for row in some):>8}"
            + "".join(f"{means[name]:>11.3f}" for name in columns)
            + f"{np.mean(np.array(values['lightness'] or [np.nan]) <= 5):>10.0%}"
        )
    made = [row for row in rows if row.distance is not None and row.before is not None]
    nearer = sum(row.distance < row.before for row in made)  # type: ignore[operator]
    print(f"nearer to the person than the template was: {nearer} of {len(made)}")
    print("refused:", dict(Counter(row.refused for row in rows if row.refused)))
    print("notes:", dict(Counter(note for row in rows for note in row.notes)))


def _judge(folder: Path | None) -> Judge | None:
    if folder is None:
        return None
    from faceres import FaceRes

    net = FaceRes(folder)
    return lambda picture, face: net.embed(picture, (face.box.left, face.box.top, face.box.right, face.box.bottom))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("templates", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--faceres", type=Path, help="folder of the second recognizer, see faceres.py")
    parser.add_argument("--count", type=int, default=12, help="people")
    parser.add_argument("--only", nargs="*", default=[], help="stems of templates; all of the folder otherwise")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    file = args.out / "rows.jsonl"
    rows = [Row(**json.loads(line)) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
    done = {(row.person, row.template) for row in rows}
    studio, judge = Studio.local(args.out / "home"), _judge(args.faceres)
    for folder in sorted(f for f in args.people.iterdir() if f.is_dir())[: args.count]:
        left = [f for f in pictures(args.templates) if not args.only or f.stem in args.only]
        left = [f for f in left if (folder.name, f.stem) not in done]
        for row in rows_of(folder, left, studio, args.out, judge) if left else ():
            rows.append(row)
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(row)) + "\n")
    print_table(rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
