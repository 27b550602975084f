"""Where faces are: BlazeFace (Bazarevsky et al., 2019), its rear-camera and its dense full-range net.

Both nets see the picture through a *view*: a 2 x 3 matrix from picture pixels to the unit square.
Padding, turning, zooming and tiling are all just other views.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from easyphoto.domain import Box, Floats, Pixels
from easyphoto.faces.builtin.onnx_net import OnnxNet, blob_of, warp
from easyphoto.faces.geometry import Array, compose, invert, roll_of, scale_of, square_crop, transform_points

_SAME = 0.3  # overlap from which two boxes are the same face
_DOUBTFUL = 0.87  # under it the face may stand on its head: upright ones scored 0.86 to 0.98, others 0.51 to 0.86
_SURER = 0.05  # and by how much the turned look must be better


@dataclass(frozen=True, eq=False)
class Candidate:
    """A face as the detectors see it, in the picture's pixels."""

    box: Box  # brows to chin, about square
    points: Array  # (6, 2): eye left in the picture, eye right, nose, mouth, ear left, ear right
    score: float  # 0..1
    seen_by: frozenset[str]  # names of the nets

    @property
    def roll(self) -> float:
        """Degrees clockwise, from the eyes."""
        return roll_of(self.points[0], self.points[1])


@dataclass(frozen=True)
class Layout:
    """How a BlazeFace net lays its anchors: (cells a side, anchors a cell) per feature map."""

    name: str
    file: str
    size: int
    cells: tuple[tuple[int, int], ...]
    least: float  # score from which a box counts

    def anchors(self) -> Array:
        """(n, 2) anchor centres in the unit square, in the order of the net's rows."""
        return np.concatenate([_grid(cells, each) for cells, each in self.cells])


BACK = Layout("back", "detector_back.onnx", 256, ((16, 2), (8, 6)), 0.5)
FULL = Layout("full", "detector_full.onnx", 192, ((48, 1),), 0.5)


def _grid(cells: int, each: int) -> Array:
    """Cell centres row by row, each repeated `each` times."""
    line = (np.arange(cells) + 0.5) / cells
    y, x = np.meshgrid(line, line, indexing="ij")
    return np.repeat(np.column_stack([x.ravel(), y.ravel()]), each, axis=0)


class BlazeFace:
    """One of the two nets."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self._layout = layout
        self._anchors = layout.anchors()
        self._net = OnnxNet(folder / layout.file)

    def look(self, picture: Pixels, view: Array) -> list[Candidate]:
        """Faces in that view, one each, unsorted."""
        size = self._layout.size
        crop = warp(picture, compose([[size, 0, 0], [0, size, 0]], view), size)
        boxes, logits = self._net.run(blob_of(crop, -1.0, 1.0))
        found = self._decode(boxes.reshape(-1, 16), logits.reshape(-1), invert(view))
        return merge(found)

    def _decode(self, rows: Floats, logits: Floats, back: Array) -> list[Candidate]:
        """Rows are centre, size and six points, as offsets from their anchor in net pixels."""
        scores = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -100, 100)))
        seen = frozenset([self._layout.name])
        found = []
        for index in np.flatnonzero(scores >= self._layout.least):
            row = rows[index].astype(np.float64) / self._layout.size
            anchor = self._anchors[index]
            (x, y), points = transform_points(back, [row[:2] + anchor])[0], row[4:].reshape(6, 2) + anchor
            half = max(row[2], row[3]) * scale_of(back) / 2
            box = Box(float(x - half), float(y - half), float(x + half), float(y + half))
            found.append(Candidate(box, transform_points(back, points), float(scores[index]), seen))
        return found


class FaceFinder:
    """Both nets over as many views as it takes."""

    def __init__(self, folder: Path) -> None:
        self._back = BlazeFace(folder, BACK)
        self._full = BlazeFace(folder, FULL)

    def whole(self, picture: Pixels) -> list[Candidate]:
        """Faces both nets see in the picture as it is or upside down; where faces are small, also by tiles."""
        found = self._both(picture, whole_view(picture))
        if found and found[0].score < _DOUBTFUL:
            turned = self._both(picture, whole_view(picture, angle=180))
            found = turned if turned and turned[0].score > found[0].score + _SURER else found
        if _is_group(found, picture):
            found = merge(found + self._tiled(picture, 2))
        return found

    def retries(self, picture: Pixels) -> Iterable[list[Candidate]]:
        """Further looks for a picture in which nothing was found, the cheap and likely ones first."""
        for view in (whole_view(picture, zoom=0.6), *(whole_view(picture, angle=a) for a in (90, -90, 180))):
            yield self._both(picture, view)
        yield self._tiled(picture, 2)
        yield self._tiled(picture, 3)

    def _both(self, picture: Pixels, view: Array) -> list[Candidate]:
        return merge(self._back.look(picture, view) + self._full.look(picture, view))

    def _tiled(self, picture: Pixels, count: int) -> list[Candidate]:
        views = tile_views(picture, count)
        return merge([face for view in views for face in self._back.look(picture, view)])


def _is_group(found: Sequence[Candidate], picture: Pixels) -> bool:
    """Several faces, or one so small that others may have been missed."""
    side = max(picture.shape[:2])
    return len(found) > 1 or any(face.box.width < 0.08 * side for face in found)


def whole_view(picture: Pixels, zoom: float = 1.0, angle: float = 0.0) -> Array:
    """The whole picture centred in the unit square; zoom < 1 leaves a border, a face with roll = angle stands level."""
    h, w = picture.shape[:2]
    return square_crop((w / 2, h / 2), max(w, h) / zoom, angle, 1)


def tile_views(picture: Pixels, count: int) -> list[Array]:
    """Overlapping squares, `count` along the longer side, neighbours sharing a third."""
    h, w = picture.shape[:2]
    side = max(w, h) / (1 + (count - 1) * 2 / 3)
    return [square_crop((x, y), side, 0.0, 1) for y in _centers(h, side) for x in _centers(w, side)]


def _centers(length: float, side: float) -> list[float]:
    """Centres of as many tiles of `side` as cover `length` with a third of overlap."""
    if length <= side:
        return [length / 2]
    count = int(np.ceil((length - side) / (side * 2 / 3) - 1e-6)) + 1
    return [float(v) for v in np.linspace(side / 2, length - side / 2, count)]


def merge(found: Sequence[Candidate]) -> list[Candidate]:
    """Weighted non-maximum suppression: boxes of one face become their mean by score (BlazeFace, section 4).

    The surest comes first.
    """
    rest, merged = sorted(found, key=lambda face: -face.score), []
    while rest:
        best = rest[0]
        group = [face for face in rest if face is best or face.box.overlap(best.box) > _SAME]
        rest = [face for face in rest if all(face is not other for other in group)]
        merged.append(_mean(group))
    return merged


def _mean(group: Sequence[Candidate]) -> Candidate:
    weights = np.array([face.score for face in group])
    weights = weights / weights.sum()
    edges = np.array([[f.box.left, f.box.top, f.box.right, f.box.bottom] for f in group])
    box = Box(*(float(v) for v in weights @ edges))
    points = np.einsum("n,nij->ij", weights, np.stack([face.points for face in group]))
    return Candidate(box, points, group[0].score, frozenset().union(*(face.seen_by for face in group)))
