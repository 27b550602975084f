"""Templates for the trainer's validation images, with the masks it repaints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from easyphoto.domain import Face
from easyphoto.faces.base import FaceToolbox
from easyphoto.images import open_picture, resize_short_side
from easyphoto.library import Templates
from easyphoto.paths import Paths
from easyphoto.private_files import make_private
from easyphoto.training.launch import ValidationInput

MASK_RATIO = 1.3  # of the face box
MULTIPLE = 64


def validation_templates(paths: Paths, faces: FaceToolbox, folder: Path, side: int) -> tuple[ValidationInput, ...]:
    """The shipped templates meant for it, with shorter sides of `side` pixels, each at its own shape, with a face mask.

    A template in which no face is found is left out. Raises BadModel for a damaged catalog of templates.
    """
    make_private(folder)
    files = [one.file for one in Templates(paths).shipped() if one.facts is not None and one.facts.validation]
    made = (_template(file, folder / str(number), side, faces) for number, file in enumerate(files))
    return tuple(one for one in made if one is not None)


def _template(file: Path, stem: Path, resolution: int, faces: FaceToolbox) -> ValidationInput | None:
    picture = resize_short_side(open_picture(file), resolution, MULTIPLE)
    found = faces.detect(np.asarray(picture))
    if not found:
        return None
    mask = _mask(picture.size, max(found, key=lambda f: f.box.area))
    image = ValidationInput(stem.with_suffix(".png"), stem.with_name(f"{stem.name}-mask.png"))
    picture.save(image.picture)
    mask.save(image.mask)
    return image


def _mask(size: tuple[int, int], face: Face) -> Image.Image:
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rectangle(face.box.scaled(MASK_RATIO).clipped(size).rounded(), fill=255)
    return mask
