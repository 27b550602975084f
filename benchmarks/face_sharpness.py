"""Whether a fused face is as sharp and as grainy as the template round it, by the kind of photo.

    python benchmarks/face_sharpness.py KIND=FOLDER ... --templates TEMPLATES [--only STEM ...]

Each KIND is a name for one folder of folders of photos, one a person (up to four photos are used, one will do); photos
are enhanced as in a portrait. *sharp* is the inner face's sharpness in the template's own face, *grain* the fine
texture of the cheeks in that of the same skin of the template, *neck* the texture of cheeks against neck in that ratio
of the template. 1 is what nobody sees. Medians a kind.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import gettempdir

import numpy as np
from likeness import Shown, found_again, pictures, read
from picture_measures import neck, sharpness

from easyphoto.domain import Face, Floats, Pixels
from easyphoto.errors import EasyPhotoError
from easyphoto.faces.base import FusionSource, FusionTarget
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.texture import fine_texture, level
from easyphoto.faces.skin_locus import usual_tone
from easyphoto.paths import Paths
from easyphoto.portrait.subject import balanced

PHOTOS = 4
Figures = tuple[float, float, float]


def portrait(template: Shown, sources: Sequence[FusionSource], tone: Floats | None, faces: BuiltinToolbox) -> Pixels:
    """The person in the template, in the own tone, with photos enhanced as the program does."""
    picture, face = template.source.picture, template.source.face
    toned = picture if tone is None else faces.retone(picture, face, [], tone)
    return faces.fuse(FusionTarget(toned, face, faces.worn(picture, face)), sources, prepare=faces.enhance).picture


def textures(picture: Pixels, face: Face, faces: BuiltinToolbox) -> tuple[float, float]:
    """(fine texture of the cheeks, that of the neck), shares of the brightness; NaN where too little is seen."""
    assert face.mesh is not None
    plane = BlendMask(face.mesh, (picture.shape[1], picture.shape[0]))
    fine, _ = fine_texture(picture.astype(np.float32), plane.height)
    under = neck(face.mesh, faces.regions(picture, face).skin).astype(np.float32)
    cheeks, throat = level(fine, plane.cheeks()), level(fine, under)
    return (np.nan if cheeks is None else cheeks), (np.nan if throat is None else throat)


def measured(made: Pixels, template: Shown, faces: BuiltinToolbox) -> Figures:
    """(sharp, grain, neck) of one portrait."""
    picture, face = template.source.picture, template.source.face
    now = found_again(made, face, faces)
    assert face.mesh is not None
    assert now.mesh is not None
    (cheeks, throat), (own_cheeks, own_throat) = textures(picture, face, faces), textures(made, now, faces)
    sharp = sharpness(made, now.mesh) / max(sharpness(picture, face.mesh), 1e-6)
    return sharp, own_cheeks / cheeks, (own_cheeks / own_throat) / (cheeks / throat)


def rows_of(folder: Path, templates: Sequence[Shown], faces: BuiltinToolbox) -> Iterator[Figures]:
    """All portraits of the people of one kind of photo, each printed as it is made."""
    for person in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
        shown = [one for file in pictures(person)[:PHOTOS] if (one := read(file, faces)) is not None]
        if not shown:
            continue
        width = float(np.median([one.source.face.box.width for one in shown]))
        sources, tones = balanced([one.source for one in shown], faces)
        for template in templates:
            try:
                row = measured(portrait(template, sources, usual_tone(tones), faces), template, faces)
            except EasyPhotoError as refusal:
                print(f"{person.name} in {template.file.stem}: {refusal}")
                continue
            print(
                f"{person.name:<12}{template.file.stem:<22}face {width:>4.0f} px" + "".join(f"{v:>7.2f}" for v in row)
            )
            yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="+", metavar="KIND=FOLDER")
    parser.add_argument("--templates", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[], help="templates by stem")
    args = parser.parse_args()
    faces = BuiltinToolbox(Paths(Path(gettempdir())))
    files = [file for file in pictures(args.templates) if not args.only or file.stem in args.only]
    templates = [shown for file in files if (shown := read(file, faces)) is not None]
    lines = []
    for kind in args.kinds:
        name, _, folder = kind.partition("=")
        rows = list(rows_of(Path(folder), templates, faces))
        medians = np.nanmedian(np.array(rows), axis=0)
        lines.append(f"{name:<16}{len(rows):>6}" + "".join(f"{value:>8.2f}" for value in medians))
    print(f"{'kind':<16}{'pairs':>6}{'sharp':>8}{'grain':>8}{'neck':>8}", *lines, sep="\n")


if __name__ == "__main__":
    main()
