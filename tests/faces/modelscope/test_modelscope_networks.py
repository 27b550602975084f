"""Every network has the names and shapes of the published weights, and computes what it should."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from modelscope_weights import names_and_shapes, random_network
from torch import nn

from easyphoto.faces.modelscope.curricular_face import CurricularFace
from easyphoto.faces.modelscope.retinaface import RetinaFace

PUBLISHED = {
    CurricularFace: (672, "2ce3150a62776215"),
    RetinaFace: (456, "21207280a799007f"),
}
"""Number of tensors and digest of names and shapes, read from the published classes."""


@pytest.mark.parametrize("make", PUBLISHED, ids=lambda make: make.__name__)
def test_has_the_published_names_and_shapes(make: Callable[[], nn.Module]):
    assert names_and_shapes(make) == PUBLISHED[make]


@pytest.mark.slow
def test_embeddings_of_the_true_size_have_length_one():
    (vector,) = random_network(CurricularFace)(torch.rand(1, 3, 112, 112) * 2 - 1)
    assert vector.shape == (512,)
    assert vector.norm() == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
def test_retinaface_has_two_anchors_a_cell_on_three_levels():
    scores, boxes, points = random_network(RetinaFace)(torch.randn(1, 3, 100, 130))
    cells = 13 * 17 + 7 * 9 + 4 * 5
    assert scores.shape == (1, 2 * cells)
    assert boxes.shape == (1, 2 * cells, 4)
    assert points.shape == (1, 2 * cells, 10)
    assert scores.min() >= 0 and scores.max() <= 1
