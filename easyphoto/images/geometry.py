"""Between PIL and arrays; sizes; cutting a part out and putting it back."""

from __future__ import annotations

import numpy as np
from PIL import Image

from easyphoto.domain import Box, Pixels
from easyphoto.errors import BadPicture, BadRequest


def pixels(picture: Image.Image) -> Pixels:
    """A writable uint8 RGB copy, H x W x 3."""
    return np.array(picture.convert("RGB"), dtype=np.uint8)


def picture(pixels: Pixels) -> Image.Image:
    """A PIL picture of a uint8 array: H x W x 3 becomes RGB, H x W becomes "L". Raises BadPicture for others."""
    gray = pixels.ndim == 2
    if pixels.dtype != np.uint8 or not (gray or (pixels.ndim == 3 and pixels.shape[2] == 3)) or pixels.size == 0:
        raise BadPicture("picture.not-an-array", stage="convert", shape=str(pixels.shape), kind=str(pixels.dtype))
    return Image.fromarray(np.ascontiguousarray(pixels))


def _floored(width: float, height: float, multiple: int) -> tuple[int, int]:
    """Both sides floored to `multiple`, at least one of it; the half pixel of rounding is not lost."""
    return (
        max(multiple, int(width + 1e-6) // multiple * multiple),
        max(multiple, int(height + 1e-6) // multiple * multiple),
    )


def _resized(source: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Lanczos, or the same picture where the size is already right."""
    return source if source.size == size else source.resize(size, Image.Resampling.LANCZOS)


def resize_short_side(source: Image.Image, px: int, multiple: int = 1) -> Image.Image:
    """Scaled so that the shorter side is `px`; both sides then floored to `multiple`."""
    scale = px / min(source.size)
    return _resized(source, _floored(source.width * scale, source.height * scale, multiple))


def fit_long_side(source: Image.Image, px: int) -> Image.Image:
    """Shrunk so that the longer side is at most `px`; a smaller picture comes back as it is."""
    scale = px / max(source.size)
    if scale >= 1:
        return source
    return _resized(source, (max(1, round(source.width * scale)), max(1, round(source.height * scale))))


def _inside(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """`box` in whole pixels inside a picture of `size`. Raises BadRequest where nothing is left."""
    left, top, right, bottom = box.clipped(size).rounded()
    if right <= left or bottom <= top:
        raise BadRequest("picture.box-outside", stage="crop", box=str(box.rounded()), width=size[0], height=size[1])
    return left, top, right, bottom


def crop(source: Image.Image, box: Box) -> Image.Image:
    """The part of `source` inside `box`, which is clipped to the picture and rounded to whole pixels."""
    return source.crop(_inside(box, source.size))
