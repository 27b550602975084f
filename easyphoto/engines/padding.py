"""The frame round a picture that brings its sides to a multiple, and what happens to a painted picture afterwards."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from easyphoto import images
from easyphoto.domain import RenderJob
from easyphoto.errors import BadRequest
from easyphoto.images import pixels


@dataclass(frozen=True)
class Padding:
    """Columns added on the right and rows added below."""

    size: tuple[int, int]
    right: int
    below: int

    @classmethod
    def around(cls, size: tuple[int, int], multiple: int) -> Padding:
        """The least frame that makes both sides multiples of `multiple`."""
        return cls(size, -size[0] % multiple, -size[1] % multiple)

    def pad(self, picture: Image.Image) -> Image.Image:
        """The picture with its last column and row repeated."""
        if not (self.right or self.below):
            return picture
        array = np.asarray(picture)
        widths = [(0, self.below), (0, self.right)] + [(0, 0)] * (array.ndim - 2)
        return Image.fromarray(np.pad(array, widths, mode="edge"))

    def crop(self, picture: Image.Image) -> Image.Image:
        """Without the frame."""
        return picture.crop((0, 0, *self.size))


def check_job(job: RenderJob) -> None:
    """Raise BadRequest for jobs that no engine could honour."""
    if job.mask.size != job.picture.size or any(hint.picture.size != job.picture.size for hint in job.hints):
        raise BadRequest("engine.sizes-differ", stage="render")
    if not 0 <= job.strength <= 1 or job.steps < 1:
        raise BadRequest("engine.pass-out-of-bounds", stage="render", strength=job.strength, steps=job.steps)


def padded(job: RenderJob, multiple: int) -> tuple[Padding, RenderJob]:
    """The least frame for such sides, and the job with all its pictures in it."""
    frame = Padding.around(job.picture.size, multiple)
    hints = tuple(replace(hint, picture=frame.pad(hint.picture)) for hint in job.hints)
    return frame, replace(job, picture=frame.pad(job.picture), mask=frame.pad(job.mask.convert("L")), hints=hints)


def blend(before: Image.Image, painted: Image.Image, mask: Image.Image) -> Image.Image:
    """`painted` where the mask is 255, `before` bit for bit where it is 0, a mixture between."""
    return Image.fromarray(images.blend(pixels(before), pixels(painted), np.asarray(mask.convert("L"))))


def is_blank(painted: Image.Image, before: Image.Image, mask: Image.Image) -> bool:
    """Black all over the mask, though the picture it was made from is not: the model computed no numbers.

    Outside of it hosts lay the picture over that it was made from.
    """
    inside = np.asarray(mask.convert("L")) > 0
    return int(pixels(painted)[inside].max(initial=0)) <= 2 < int(pixels(before)[inside].max(initial=0))
