"""The whole journey on real people: train on some of their photos, paint them into templates, measure on the others.

    python benchmarks/portraits.py PEOPLE_FOLDER TEMPLATE_FOLDER --out OUT [--people 12] [--steps 200]

PEOPLE_FOLDER holds one folder of photos a person, TEMPLATE_FOLDER single-face templates. Of each
person's photos three fifths are trained on and the rest is only measured against. Writes
result.json and a contact sheet, and prints a table; distances are the toolbox's L2, lower is nearer.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from easyphoto.domain import Floats, ModelFamily, Photo, PortraitRequest, Template, TrainRequest
from easyphoto.errors import EasyPhotoError
from easyphoto.faces.base import FaceToolbox
from easyphoto.images import open_picture
from easyphoto.studio import Studio

KINDS = {".jpg", ".jpeg", ".png"}
CELL = 256  # pixels of a cell of the contact sheet


@dataclass(frozen=True)
class Pair:
    """One person in one template."""

    person: str
    template: str
    to_person: float  # median L2 to the photos that were not trained on
    to_template: float
    before: float
    file: Path


def pictures(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.suffix.lower() in KINDS)


def embedding(file: Path, faces: FaceToolbox) -> Floats | None:
    pixels = np.asarray(open_picture(file, long_side=1536))
    found = faces.detect(pixels)
    return faces.embed(pixels, max(found, key=lambda f: f.box.area)) if found else None


def split(files: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Every fifth and second photo of five is held out, so that both halves see every session."""
    held = [f for n, f in enumerate(files) if n % 5 in (1, 3)]
    return [f for f in files if f not in held], held


def measure(name: str, files: Sequence[Path], templates: Sequence[Path], args: argparse.Namespace) -> list[Pair]:
    studio = Studio.local(args.out / "home")
    used, held = split(files)
    request = TrainRequest.for_family(ModelFamily.BUILTIN, person=name, consent=True, max_steps=args.steps)
    trained = studio.train(request, [Photo(f, f.name) for f in used])
    assert trained.person is not None
    order = PortraitRequest.for_family(ModelFamily.BUILTIN, persons=(trained.person.id,), seed=1)
    batch = studio.portrait(order, [Template(f, f.name) for f in templates], out=args.out / "portraits" / name)
    for failure in batch.failures:
        print(f"  {name}: {failure}")
    theirs = np.stack([e for f in held if (e := embedding(f, studio.faces)) is not None])
    originals = {f.name: embedding(f, studio.faces) for f in templates}
    return [_pair(name, p, theirs, originals[p.template], studio.faces) for p in batch.portraits]


def _pair(name: str, portrait: Any, theirs: Floats, original: Floats | None, faces: FaceToolbox) -> Pair:
    made = embedding(portrait.file, faces)
    assert made is not None
    assert original is not None
    gap = float(np.median(np.linalg.norm(theirs - made, axis=1)))
    before = float(np.median(np.linalg.norm(theirs - original, axis=1)))
    return Pair(name, portrait.template, gap, float(np.linalg.norm(original - made)), before, portrait.file)


def sheet(pairs: Sequence[Pair], templates: Sequence[Path], references: dict[str, Path]) -> Image.Image:
    """Templates in the first row, then a row a person: a photo of theirs, then the portraits, cut round the head."""
    columns = [f.name for f in templates]
    names = list(dict.fromkeys(p.person for p in pairs))
    page = Image.new("RGB", (CELL * (len(columns) + 1), CELL * (len(names) + 1)), "white")
    for column, file in enumerate(templates, 1):
        page.paste(_cell(file), (column * CELL, 0))
    for row, name in enumerate(names, 1):
        page.paste(_cell(references[name]), (0, row * CELL))
        for pair in (p for p in pairs if p.person == name):
            page.paste(_cell(pair.file), ((columns.index(pair.template) + 1) * CELL, row * CELL))
    return page


def _cell(file: Path) -> Image.Image:
    picture = open_picture(file)
    side = min(picture.size)
    left, top = (picture.width - side) // 2, 0
    return picture.crop((left, top, left + side, top + side)).resize((CELL, CELL), Image.Resampling.LANCZOS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("templates", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=12, help="people")
    parser.add_argument("--only", nargs="*", default=[], help="template names; all of the folder otherwise")
    parser.add_argument("--steps", type=int, default=200, help="training steps at most")
    args = parser.parse_args()
    shutil.rmtree(args.out / "home", ignore_errors=True)
    templates = [f for f in pictures(args.templates) if not args.only or f.name in args.only]
    folders = sorted(f for f in args.people.iterdir() if f.is_dir())[: args.count]
    pairs: list[Pair] = []
    for folder in folders:
        try:
            pairs += measure(folder.name, pictures(folder), templates, args)
        except EasyPhotoError as problem:
            print(f"{folder.name}: {problem}")
    sheet(pairs, templates, {f.name: pictures(f)[0] for f in folders}).save(args.out / "sheet.jpg", quality=90)
    rows = [{**vars(p), "file": str(p.file)} for p in pairs]
    (args.out / "result.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    gaps = np.array([p.to_person for p in pairs])
    nearer = sum(p.to_person < p.to_template for p in pairs)
    print(
        f"{len(pairs)} pairs; median {np.median(gaps):.3f}, 90 % {np.quantile(gaps, 0.9):.3f}, worst {gaps.max():.3f}"
    )
    print(f"nearer to the person than to the template: {nearer} of {len(pairs)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
