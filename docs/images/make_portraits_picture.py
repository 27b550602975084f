"""The first picture of the README: templates above, the portraits made of them below, the person on the right.

    python docs/images/make_portraits_picture.py [--out DIR]

The person is the public-domain astronaut that ships, from that one small photo; the templates ship too and show nobody.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageOps

ROOT = Path(__file__).resolve().parents[2]
PHOTO = ROOT / "models" / "samples" / "astronaut.png"
TEMPLATES = ("red-wall.jpg", "street.jpg", "studio-white.jpg", "denim.jpg")
"""The last one is the mediocre one, and the README says so."""
SIDE, GAP, PAPER = 300, 12, "white"  # pixels


def portraits(folder: Path) -> list[Path]:
    """Made by the program's own command, in the order of the templates."""
    templates = [str(ROOT / "models" / "templates" / name) for name in TEMPLATES]
    options = ["--photos", str(PHOTO), "--template", *templates, "--consent", "--seed", "5", "--json"]
    command = [
        sys.executable,
        "-m",
        "easyphoto",
        "quick",
        *options,
        "--out",
        str(folder / "out"),
        "--data",
        str(folder),
    ]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, stdout=subprocess.PIPE
    )
    return [Path(one["file"]) for one in json.loads(done.stdout)["portraits"]]


def tile(file: Path) -> Image.Image:
    """A square, cut a little above the middle, where the face is."""
    with Image.open(file) as picture:
        return ImageOps.fit(picture.convert("RGB"), (SIDE, SIDE), centering=(0.5, 0.2))


def composed(made: list[Path]) -> Image.Image:
    """Four columns of template and portrait, and the photo between the two rows on the right."""
    step = SIDE + GAP
    sheet = Image.new("RGB", (5 * step - GAP, 2 * step - GAP), PAPER)
    for column, (name, file) in enumerate(zip(TEMPLATES, made, strict=True)):
        sheet.paste(tile(ROOT / "models" / "templates" / name), (column * step, 0))
        sheet.paste(tile(file), (column * step, step))
    sheet.paste(tile(PHOTO), (4 * step, step // 2))
    return sheet


def main() -> None:
    """Make, compose, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        composed(portraits(Path(folder))).save(given.out / "portraits.jpg", quality=86)


if __name__ == "__main__":
    main()
