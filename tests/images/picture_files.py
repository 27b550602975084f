"""Small pictures with known corners, and saving them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from easyphoto.errors import BadPicture
from easyphoto.images import open_picture, pixels

RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 160, 60), (40, 60, 200), (250, 250, 250)


def quarters(width: int = 64, height: int = 48) -> Image.Image:
    """Four plain quarters, so that every turn and flip can be told apart."""
    out = np.zeros((height, width, 3), np.uint8)
    h, w = height // 2, width // 2
    out[:h, :w], out[:h, w:], out[h:, :w], out[h:, w:] = RED, GREEN, BLUE, WHITE
    return Image.fromarray(out)


def near(picture: Image.Image, other: Image.Image, within: int = 12) -> bool:
    return (
        picture.size == other.size
        and int(np.abs(pixels(picture).astype(int) - pixels(other).astype(int)).max()) <= within
    )


def saved(folder: Path, name: str, picture: Image.Image, **options: object) -> Path:
    file = folder / name
    picture.save(file, **options)
    return file


def refused(file: Path, **options: int) -> str:
    with pytest.raises(BadPicture) as caught:
        open_picture(file, **options)
    assert caught.value.file == file.name and caught.value.stage == "open" and caught.value.problem
    return str(caught.value)
