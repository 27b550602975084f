"""Every network has the names and shapes of the published weights, and computes what it should."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from modelscope_weights import digest, names_and_shapes, random_network, random_tensors
from torch import nn
from torch.nn import functional

from easyphoto.faces.modelscope.aei_net import AeiNet, folded
from easyphoto.faces.modelscope.blemish_nets import BlemishDetector, BlemishPainter
from easyphoto.faces.modelscope.curricular_face import CurricularFace
from easyphoto.faces.modelscope.dense_motion import DenseMotion, gaussians, moved, unit_grid
from easyphoto.faces.modelscope.face_quality import QualityBackbone, QualityHead
from easyphoto.faces.modelscope.face_shape import FaceShapeNet
from easyphoto.faces.modelscope.gpen import Gpen, widths_of
from easyphoto.faces.modelscope.retinaface import RetinaFace
from easyphoto.faces.modelscope.rrdb import RrdbNet, RrdbShape
from easyphoto.faces.modelscope.skin_unet import SkinUNet
from easyphoto.faces.modelscope.style_layers import Kernel, ModulatedConv, Upsample
from easyphoto.faces.modelscope.u2net import U2Net

GPEN_512 = (512, 512, 512, 512, 512, 256, 128, 64)
PUBLISHED: dict[str, tuple[Callable[[], nn.Module], int, str]] = {
    "curricularface": (CurricularFace, 672, "2ce3150a62776215"),
    "retinaface": (RetinaFace, 456, "21207280a799007f"),
    "u2net": (U2Net, 798, "e0bce0f1eda513f6"),
    "abpn generator": (SkinUNet, 136, "b9a8ac572a379f94"),
    "abpn detector": (BlemishDetector, 63, "359914a50ee61ef2"),
    "abpn painter": (BlemishPainter, 76, "2e68d7dd66f9340b"),
    "realesrnet x2": (lambda: RrdbNet(RrdbShape(64, 32, 23, 2)), 702, "15a68fc268c4e7da"),
    "realesrnet x2 narrow": (lambda: RrdbNet(RrdbShape(32, 32, 23, 2)), 702, "6d883ec24ae53de8"),
    "eqface backbone": (QualityBackbone, 925, "39a049d1da42eca1"),
    "eqface quality": (QualityHead, 7, "1947cf418c0ab68c"),
    "gpen 512": (lambda: Gpen(GPEN_512), 163, "32a4e9db731182dc"),
    "gpen 1024": (lambda: Gpen((*GPEN_512, 32)), 182, "523bf128d2c9eac5"),
    "face shape": (FaceShapeNet, 332, "b7a40c0c8dfcce4c"),
}
"""Network -> number of tensors and digest of their names and shapes, read from the published classes."""
AEI = (497, "b9c1e2bce2f74b4c")
NORMED = re.compile(r"(generator\.(?:AADBlk\d\.conv\d|sa\.(?:theta|phi|g|o)))\.weight$")


@pytest.mark.parametrize("name", PUBLISHED)
def test_has_the_published_names_and_shapes(name: str):
    make, count, expected = PUBLISHED[name]
    assert names_and_shapes(make) == (count, expected)


def unfolded(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As the file of the fusion network has them: weights with the vectors of their largest singular value."""
    found: dict[str, torch.Tensor] = {}
    for name, value in tensors.items():
        stem = NORMED.sub(r"\1.module", name)
        if stem != name:
            rows = value.flatten(1)
            u = torch.ones(len(rows), device=value.device)
            v = torch.ones(rows.shape[1], device=value.device)
            found |= {f"{stem}.weight_bar": value, f"{stem}.weight_u": u, f"{stem}.weight_v": v}
        else:
            biased = re.sub(r"(AADBlk\d\.conv\d)\.bias$", r"\1.module.bias", name)
            found[biased] = value
    return found


def test_the_fusion_network_has_the_published_names_once_its_spectral_norm_is_folded():
    with torch.device("meta"):
        own = AeiNet().state_dict()
    published = unfolded(own)
    assert digest(published) == AEI
    assert {name: tuple(value.shape) for name, value in folded(published).items()} == {
        name: tuple(value.shape) for name, value in own.items()
    }


def test_folded_weights_have_the_spectral_norm_one():
    bar = torch.randn(6, 3, 2, 2)
    u, _, v = torch.linalg.svd(bar.flatten(1), full_matrices=False)
    stem = "generator.sa.g.module.weight"
    weight = folded({f"{stem}_bar": bar, f"{stem}_u": u[:, 0], f"{stem}_v": v[0]})["generator.sa.g.weight"]
    assert torch.linalg.matrix_norm(weight.flatten(1), 2) == pytest.approx(1, abs=1e-5)


def on_meta(make: Callable[[], nn.Module], *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what the network makes at its true size, without computing it."""
    with torch.device("meta"):
        out = make().eval()(*(torch.empty(shape) for shape in shapes))
    return tuple((out[0] if isinstance(out, tuple) else out).shape)


def test_shapes_at_the_true_sizes():
    assert on_meta(U2Net, (1, 3, 320, 320)) == (1, 1, 320, 320)
    assert on_meta(SkinUNet, (1, 3, 512, 512)) == (1, 3, 512, 512)
    assert on_meta(BlemishDetector, (1, 3, 768, 768)) == (1, 1, 768, 768)
    assert on_meta(BlemishPainter, (1, 3, 576, 576), (1, 1, 576, 576)) == (1, 3, 576, 576)
    assert on_meta(lambda: Gpen(GPEN_512), (1, 3, 512, 512)) == (1, 3, 512, 512)
    assert on_meta(lambda: Gpen((*GPEN_512, 32)), (1, 3, 1024, 1024)) == (1, 3, 1024, 1024)
    assert on_meta(FaceShapeNet, (2, 3, 224, 224)) == (2, 257)
    assert on_meta(AeiNet, (1, 3, 256, 256), (1, 512), (1, 17, 2), (1, 17, 2)) == (1, 3, 256, 256)


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


@pytest.mark.slow
def test_maps_layers_and_masks_are_in_range():
    picture = torch.rand(1, 3, 64, 64) * 2 - 1
    for make in (U2Net, SkinUNet, BlemishDetector):
        out = random_network(make)(picture)
        assert out.shape[2:] == (64, 64)
        assert out.min() > 0 and out.max() < 1, make.__name__  # the sigmoid has no weights that could be missed
    painted = random_network(BlemishPainter)(picture, torch.ones(1, 1, 64, 64))
    assert painted.min() > -1 and painted.max() < 1


@pytest.mark.slow
def test_a_face_has_a_quality_and_a_unit_vector():
    vector, features = random_network(QualityBackbone)(torch.rand(1, 3, 112, 112) * 2 - 1)
    assert vector.norm() == pytest.approx(1, abs=1e-5)
    assert 0 <= random_network(QualityHead)(features).item() <= 1


def test_depth_width_and_zoom_are_read_from_the_file():
    shape = RrdbShape(8, 4, 2, 2)
    tensors = random_tensors(lambda: RrdbNet(shape))
    assert RrdbShape.of(tensors) == shape
    assert RrdbShape.of(random_tensors(lambda: RrdbNet(RrdbShape(8, 4, 1, 4)))) == RrdbShape(8, 4, 1, 4)
    assert random_network(lambda: RrdbNet(shape))(torch.rand(1, 3, 10, 14)).shape == (1, 3, 20, 28)
    assert widths_of(random_tensors(lambda: Gpen((16, 12, 8)))) == (16, 12, 8)


def test_gpen_of_small_widths():
    face = torch.rand(1, 3, 32, 32) * 2 - 1
    out = random_network(lambda: Gpen((16, 16, 8, 4)))(face)
    assert out.shape == (1, 3, 32, 32)
    assert out.isfinite().all()


# ---------------------------------------------------------------- layers against a second implementation


def kernel() -> torch.Tensor:
    row = torch.tensor([1.0, 3, 3, 1])
    return row[:, None] * row / 64


def test_upsampling_is_scipys():
    from scipy.signal import upfirdn

    layer = Upsample()
    layer.kernel = kernel() * 4
    picture = torch.rand(1, 2, 5, 7)
    row = np.array([1, 3, 3, 1]) / 4
    for own, plane in zip(layer(picture)[0], picture[0], strict=True):
        whole = upfirdn(row, upfirdn(row, plane.numpy(), up=2, axis=0), up=2, axis=1)
        padded = np.pad(whole, 1)[2:12, 2:16]  # two zeros before, one after
        assert np.allclose(own, padded, atol=1e-5)


@pytest.mark.parametrize("larger", [False, True])
def test_modulated_convolution_pixel_by_pixel(larger: bool):
    layer = ModulatedConv(3, 2, 3, 5, larger=larger)
    for one in layer.parameters():
        nn.init.normal_(one)
    picture, style = torch.rand(1, 3, 4, 4), torch.rand(1, 5)
    scales = style @ layer.modulation.weight.T / 5**0.5 + layer.modulation.bias
    weight = layer.weight[0] / 27**0.5 * scales.view(1, 3, 1, 1)
    weight = torch.stack([one / (one.square().sum() + 1e-8).sqrt() for one in weight])
    if larger:
        layer.blur.kernel = kernel() * 4  # type: ignore[union-attr]
        spread = torch.zeros(1, 3, 7, 7)
        spread[:, :, ::2, ::2] = picture
        wide = functional.conv2d(functional.pad(spread, (2, 2, 2, 2)), weight.flip(2, 3))
        expected = functional.conv2d(functional.pad(wide, (1, 1, 1, 1)).transpose(0, 1), (kernel() * 4)[None, None])
        expected = expected.transpose(0, 1)
    else:
        expected = torch.zeros(1, 2, 4, 4)
        padded = functional.pad(picture, (1, 1, 1, 1))
        for y in range(4):
            for x in range(4):
                expected[0, :, y, x] = (weight * padded[0, :, y : y + 3, x : x + 3]).sum((1, 2, 3))
    assert torch.allclose(layer(picture, style), expected, atol=1e-4)


def test_a_kernel_is_not_symmetric_by_luck():
    layer = Kernel((2, 1))
    layer.kernel = torch.zeros(4, 4)
    layer.kernel[0, 1] = 1
    picture = torch.zeros(1, 1, 5, 5)
    picture[0, 0, 2, 2] = 1
    assert layer(picture).nonzero().tolist() == [[0, 0, 1, 2]]  # a convolution mirrors; a correlation would not


def test_an_outline_that_stays_moves_nothing():
    points = torch.rand(1, 17, 2) * 2 - 1
    network = DenseMotion().eval()
    face = torch.rand(1, 3, 128, 128)
    places = network(face, points, points)
    assert torch.allclose(places[0], unit_grid(32, 32, face), atol=1e-5)
    assert moved(face, places).shape == face.shape


def test_a_points_heat_by_hand():
    heat = gaussians(unit_grid(3, 5, torch.zeros(1)), torch.tensor([[0.5, -1.0]]))
    assert heat.shape == (1, 3, 5)
    assert heat[0, 0, 3] == 1
    assert heat[0, 1, 3] == pytest.approx(np.exp(-0.5 / 0.01), rel=1e-3)
