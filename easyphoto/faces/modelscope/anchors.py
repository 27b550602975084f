"""RetinaFace's anchors, what its numbers mean relative to them, and one box a face. Plain numpy, in pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from easyphoto.domain import Floats

_LEVELS = ((8, (16, 32)), (16, (64, 128)), (32, (256, 512)))  # pixels from cell to cell, sides of a cell's anchors
_CENTER, _SIZE = 0.1, 0.2  # "variances" of the training: the network's numbers are that much larger
_LEAST = 0.9  # score
_WILDEST = 20.0  # of a box's numbers: it would be two anchors away, or e**4 times as large, and is no face
_SAME = 0.4  # overlap from which two boxes are one face
_MOST = 5000, 750  # boxes before and after the overlapping ones are left out


@dataclass(frozen=True, eq=False)
class Detections:
    """Faces of a picture, the surest first."""

    boxes: Floats  # (n, 4) left, top, right, bottom
    points: Floats  # (n, 5, 2) eyes, nose, mouth corners, left in the picture first
    scores: Floats  # (n,)


def anchors(width: int, height: int) -> Floats:
    """(a, 4) center x, y and size of all anchors, in the order of the network's rows."""
    levels = []
    for step, sides in _LEVELS:
        x, y = np.meshgrid(np.arange(-(-width // step)), np.arange(-(-height // step)))
        centers = (np.stack([x, y], axis=-1).reshape(-1, 1, 2) + 0.5) * step
        sizes = np.broadcast_to(np.array(sides, np.float32).reshape(1, -1, 1), (len(centers), len(sides), 2))
        levels.append(np.concatenate([np.broadcast_to(centers, sizes.shape), sizes], axis=-1).reshape(-1, 4))
    return np.concatenate(levels).astype(np.float32)


def decoded_boxes(places: Floats, numbers: Floats) -> Floats:
    """(a, 4) edges of the boxes that (a, 4) numbers mean at their anchors."""
    centers = places[:, :2] + _CENTER * numbers[:, :2] * places[:, 2:]
    halves = places[:, 2:] * np.exp(_SIZE * numbers[:, 2:]) / 2
    return np.hstack([centers - halves, centers + halves])


def decoded_points(places: Floats, numbers: Floats) -> Floats:
    """(a, 5, 2) points that (a, 10) numbers mean at their anchors."""
    offsets = numbers.reshape(-1, 5, 2) * places[:, None, 2:]
    return np.asarray(places[:, None, :2] + _CENTER * offsets, np.float32)


def faces_of(size: tuple[int, int], scores: Floats, boxes: Floats, points: Floats) -> Detections:
    """Of the network's (a,), (a, 4), (a, 10) numbers for a picture of `size` (width, height)."""
    sure = np.flatnonzero(scores > _LEAST)
    order = sure[np.argsort(-scores[sure], kind="stable")][: _MOST[0]]
    order = order[np.abs(boxes[order]).max(axis=1, initial=0) < _WILDEST]
    places = anchors(*size)[order]
    edges = decoded_boxes(places, boxes[order])
    kept = distinct(edges)[: _MOST[1]]
    return Detections(edges[kept], decoded_points(places, points[order])[kept], scores[order][kept])


def distinct(boxes: Floats) -> list[int]:
    """Indices of the (n, 4) boxes, sorted by score, that lie on none of those before them."""
    areas = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    rest, kept = np.arange(len(boxes)), []
    while len(rest):
        first, rest = rest[0], rest[1:]
        kept.append(int(first))
        low, high = np.maximum(boxes[first, :2], boxes[rest, :2]), np.minimum(boxes[first, 2:], boxes[rest, 2:])
        inner = np.prod(np.maximum(high - low, 0), axis=1)
        rest = rest[inner <= _SAME * (areas[first] + areas[rest] - inner)]
    return kept
