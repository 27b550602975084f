"""Anchors, decoding, suppression and alignment against hand calculation and a second, naive implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from modelscope_weights import random_tensors

from easyphoto.faces.arc_face import ARC_FACE, arc_face_crop
from easyphoto.faces.geometry import transform_points
from easyphoto.faces.modelscope import detector as detector_file
from easyphoto.faces.modelscope.anchors import anchors, decoded_boxes, decoded_points, distinct, faces_of
from easyphoto.faces.modelscope.detector import RetinaFaceDetector, blob
from easyphoto.faces.modelscope.recognizer import CURRICULAR, distance_of_cosine


def naive_anchors(width: int, height: int) -> list[tuple[float, float, float, float]]:
    rows = []
    for step, sides in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512))):
        for row in range(math.ceil(height / step)):
            for column in range(math.ceil(width / step)):
                for side in sides:
                    rows.append(((column + 0.5) * step, (row + 0.5) * step, side, side))
    return rows


@pytest.mark.parametrize("size", [(64, 64), (130, 100), (33, 200)])
def test_anchors_row_by_row_of_cells(size: tuple[int, int]):
    assert np.array_equal(anchors(*size), np.array(naive_anchors(*size), np.float32))


def test_boxes_and_points_by_hand():
    place = np.array([[100, 60, 32, 32]], np.float32)
    still = decoded_boxes(place, np.zeros((1, 4), np.float32))
    assert still.tolist() == [[84, 44, 116, 76]]
    moved = decoded_boxes(place, np.array([[5, -10, math.log(2) / 0.2, 0]], np.float32))
    assert np.allclose(moved, [[116 - 32, 28 - 16, 116 + 32, 28 + 16]], atol=1e-4)  # 5 * .1 * 32 = 16 to the right
    points = decoded_points(place, np.arange(10, dtype=np.float32)[None])
    assert np.allclose(points[0, 2], [100 + 4 * 3.2, 60 + 5 * 3.2])


def naive_distinct(boxes: np.ndarray) -> list[int]:
    def overlap(a: np.ndarray, b: np.ndarray) -> float:
        w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
        inner = max(0.0, w) * max(0.0, h)
        return inner / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inner)

    kept: list[int] = []
    for n, box in enumerate(boxes):
        if all(overlap(box, boxes[k]) <= 0.4 for k in kept):
            kept.append(n)
    return kept


def test_one_box_a_face():
    draw = np.random.default_rng(3)
    corner = draw.uniform(0, 60, (80, 2))
    boxes = np.hstack([corner, corner + draw.uniform(8, 40, (80, 2))]).astype(np.float32)
    assert distinct(boxes) == naive_distinct(boxes)
    assert distinct(boxes[:0]) == []


def test_only_sure_faces_the_surest_first():
    places = anchors(64, 64)
    scores = np.zeros(len(places), np.float32)
    scores[[3, 100, 120]] = 0.95, 0.99, 0.9
    found = faces_of((64, 64), scores, np.zeros((len(places), 4), np.float32), np.zeros((len(places), 10), np.float32))
    assert found.scores.tolist() == pytest.approx([0.99, 0.95])
    assert np.allclose((found.boxes[1, :2] + found.boxes[1, 2:]) / 2, places[3, :2])
    assert found.points.shape == (2, 5, 2)
    wild = np.full((len(places), 4), 600, np.float32)
    assert not len(faces_of((64, 64), scores, wild, np.zeros((len(places), 10), np.float32)).boxes)


def test_the_network_gets_blue_first_without_the_mean():
    values = blob(np.full((2, 3, 3), (123, 117, 110), np.uint8))
    assert values.shape == (1, 3, 2, 3)
    assert values[0, :, 0, 0].tolist() == [6, 0, 0]


class Marked(torch.nn.Module):
    """Sees one face at the first 32-pixel anchor of the picture it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[tuple[int, ...]] = []

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        self.sizes.append(tuple(x.shape[2:]))
        count = len(anchors(x.shape[3], x.shape[2]))
        scores = torch.zeros(1, count)
        scores[0, 1] = 1
        return scores, torch.zeros(1, count, 4), torch.zeros(1, count, 10)


def test_large_pictures_are_shrunk_and_faces_lie_in_the_large_one(monkeypatch: pytest.MonkeyPatch, tmp_path):
    network = Marked()
    monkeypatch.setattr(detector_file, "read_tensors", lambda *_: {})
    monkeypatch.setattr(detector_file, "filled", lambda *_: network)
    detector = RetinaFaceDetector(tmp_path / "none.pt", torch.device("cpu"))
    for shape, seen, zoom in (((900, 1500), (900, 1500), 1.0), ((1000, 2000), (500, 1000), 2.0)):
        found = detector.find(np.zeros((*shape, 3), np.uint8))
        assert network.sizes[-1] == seen
        assert np.allclose(found.boxes[0], np.array([-12, -12, 20, 20]) * zoom)
        assert np.allclose(found.points[0], 4 * zoom)


def test_faces_are_laid_on_arc_faces_points():
    turn = np.array([[0.8, -0.6, 40], [0.6, 0.8, 25]]) * 2.5
    picture = np.zeros((500, 500, 3), np.uint8)
    points = transform_points(turn, ARC_FACE)
    for x, y in points:
        picture[round(y) - 5 : round(y) + 6, round(x) - 5 : round(x) + 6] = 255
    crop = arc_face_crop(picture, points)
    assert crop.shape == (112, 112, 3)
    assert all(crop[round(y), round(x)].min() > 200 for x, y in ARC_FACE)


def test_distances_mean_cosines():
    one, other = np.array([1.0, 0.0]), np.array([0.4, math.sqrt(1 - 0.16)])
    assert distance_of_cosine(0.4) == pytest.approx(float(np.linalg.norm(one - other)))
    assert CURRICULAR.strict < CURRICULAR.same < distance_of_cosine(0.24)  # wrong persons' cosines end there
    assert distance_of_cosine(1) == 0


def test_random_weights_are_those_of_the_network():
    from easyphoto.faces.modelscope.retinaface import RetinaFace

    assert len(random_tensors(RetinaFace)) == 456
