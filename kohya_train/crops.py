"""Which part of a picture is trained on, at which size: squares, or buckets near the picture's own shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from kohya_train.contract import TrainConfig

CROPS = 4
"""Crops drawn for a picture that is larger than its target; one that is not has one."""
WIDEST = 2.0
"""Longer side of a bucket by the shorter."""

Size = tuple[int, int]  # width, height
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Crop:
    """A picture is resized to `resized`, then cut at (left, top) to `size`."""

    original: Size
    resized: Size
    left: int
    top: int
    size: Size

    @property
    def time_ids(self) -> tuple[float, ...]:
        """SDXL's: original height, width, crop top, left, target height, width."""
        (width, height), (w, h) = self.original, self.size
        return tuple(float(n) for n in (height, width, self.top, self.left, h, w))


def target_size(original: Size, config: TrainConfig) -> Size:
    """The square of the resolution, or of all buckets of about its area the one nearest in shape."""
    side = config.resolution
    if not config.enable_bucket:
        return side, side
    ratio = original[0] / original[1]
    return min(buckets(side, config.bucket_reso_steps), key=lambda size: (abs(size[0] / size[1] - ratio), size))


def buckets(side: int, step: int) -> Sequence[Size]:
    """Sizes whose sides are multiples of `step`, of at most side x side pixels, no longer than WIDEST."""
    found = set()
    for width in range(step, int(side * WIDEST**0.5) + step, step):
        height = side * side // width // step * step
        if height and 1 / WIDEST <= width / height <= WIDEST:
            found.add((width, height))
    return sorted(found | {(side, side)})


def crops(original: Size, config: TrainConfig, kept: Box | None, generator: torch.Generator) -> list[Crop]:
    """The crops of a picture; `kept`, in shares of it, stays inside each where it fits, as a face should."""
    size = target_size(original, config)
    ratio = max(size[0] / original[0], size[1] / original[1])
    resized = (max(size[0], round(original[0] * ratio)), max(size[1], round(original[1] * ratio)))
    slack = (resized[0] - size[0], resized[1] - size[1])
    if slack == (0, 0):
        return [Crop(original, resized, 0, 0, size)]
    spans = [_span(axis, resized, size, kept) for axis in (0, 1)]
    if not config.random_crop:
        middle = [min(max(slack[axis] // 2, spans[axis][0]), spans[axis][1]) for axis in (0, 1)]
        return [Crop(original, resized, middle[0], middle[1], size)]
    drawn = torch.rand((CROPS, 2), generator=generator).tolist()
    corners = [
        [round(low + share * (high - low)) for share, (low, high) in zip(one, spans, strict=True)] for one in drawn
    ]
    return [Crop(original, resized, left, top, size) for left, top in corners]


def _span(axis: int, resized: Size, size: Size, kept: Box | None) -> tuple[int, int]:
    """Where the crop may begin on this axis."""
    slack = resized[axis] - size[axis]
    if kept is None:
        return 0, slack
    first, last = kept[axis] * resized[axis], kept[axis + 2] * resized[axis]
    low, high = max(0, round(last - size[axis])), min(slack, round(first))
    if low <= high:
        return low, high
    middle = min(max(round((first + last - size[axis]) / 2), 0), slack)
    return middle, middle
