"""What lies round the networks: crops, masks, layers and tiles, each against a second, naive implementation."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from modelscope_weights import random_network
from torch import nn

from easyphoto.domain import Box, Face, Pose
from easyphoto.faces.arc_face import ARC_FACE
from easyphoto.faces.geometry import transform_points
from easyphoto.faces.modelscope import enlarger as enlarger_file
from easyphoto.faces.modelscope import retoucher as retoucher_file
from easyphoto.faces.modelscope.commercial import FFHQ, OnnxRestorer
from easyphoto.faces.modelscope.enlarger import PictureEnlarger
from easyphoto.faces.modelscope.face_alignment import laid_back, padded_crop, padded_points, rectangle
from easyphoto.faces.modelscope.parser import FaceParser, softmax
from easyphoto.faces.modelscope.restorer import FaceRating, accepted
from easyphoto.faces.modelscope.retoucher import (
    SkinRetoucher,
    blemish_share,
    edge_ramp,
    laid_on_skin,
    soft_light,
    softened,
)
from easyphoto.faces.modelscope.rrdb import RrdbNet, RrdbShape
from easyphoto.faces.modelscope.segmenter import imagenet_blob, stretched
from easyphoto.images.color import rgb_to_lab

CPU = torch.device("cpu")


@pytest.fixture
def photo() -> np.ndarray:
    """Smooth colors like skin with some grain."""
    draw = np.random.default_rng(1)
    small = draw.integers(60, 230, (5, 5, 3), np.uint8)
    return np.asarray(cv2.resize(small, (160, 200), interpolation=cv2.INTER_CUBIC), np.uint8)


# ---------------------------------------------------------------- segmentation


def test_maps_are_stretched_and_flat_ones_keep_the_picture():
    assert stretched(np.array([[0.2, 0.4], [0.6, 1.0]], np.float32)).tolist() == [[0, 64], [128, 255]]
    for flat in (0.0, 0.3, float("nan")):
        assert (stretched(np.full((3, 3), flat, np.float32)) == 255).all()


def test_imagenets_colors_by_hand():
    values = imagenet_blob(np.full((1, 1, 3), (255, 0, 51), np.uint8)).reshape(3)
    assert np.allclose(values, [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225], atol=1e-5)


# ---------------------------------------------------------------- retouching


def naive_ramp(size: int, width: int) -> np.ndarray:
    mask = np.ones((size, size), np.float32)
    for y in range(size):
        for x in range(size):
            for along in (y, x):
                mask[y, x] = min(mask[y, x], along / width, (size - along) / width)
    return mask


def test_the_layer_fades_in_over_a_twenty_fifth():
    assert np.allclose(edge_ramp(100, 100), naive_ramp(100, 4), atol=1e-6)
    assert edge_ramp(50, 200).shape == (50, 200)
    layer = softened(np.ones((100, 100, 3), np.float32), 0.7, edge_ramp(100, 100))
    assert layer[50, 50].tolist() == pytest.approx([0.85] * 3)
    assert layer[0, 50].tolist() == [0.5] * 3


def test_soft_light_number_by_number():
    draw = np.random.default_rng(2)
    light, layer = draw.random((4, 5, 3), np.float32), draw.random((4, 5, 3), np.float32)
    naive = [(1 - 2 * m) * i * i + 2 * m * i for i, m in zip(light.flat, layer.flat, strict=True)]
    assert np.allclose(soft_light(light, layer).ravel(), naive, atol=1e-6)
    assert np.allclose(soft_light(light, np.full_like(layer, 0.5)), light)
    ends = np.array([[[0.0, 1.0, 0.0]]], np.float32)
    assert np.array_equal(soft_light(ends, layer[:1, :1]), ends)


def test_doubtful_blemishes_count_by_their_probability():
    given = torch.tensor([0.0, 0.34, 0.35, 0.49, 0.5, 0.9])
    assert blemish_share(given).tolist() == pytest.approx([0, 0, 0.35, 0.49, 1, 1])


def ita(picture: np.ndarray) -> float:
    """Individual typology angle in degrees: what "whitening" would raise."""
    lab = rgb_to_lab(picture).reshape(-1, 3).mean(0)
    return math.degrees(math.atan2(lab[0] - 50, lab[2]))


def test_skin_is_neither_whitened_nor_recolored_and_all_else_stays(photo: np.ndarray):
    skin = np.zeros(photo.shape[:2], np.uint8)
    skin[40:150, 30:120] = 255
    brighter = np.clip(photo / 255 * 1.25 + 0.05, 0, 1).astype(np.float32)
    out = laid_on_skin(photo, brighter, skin)
    assert np.array_equal(out[skin == 0], photo[skin == 0])
    assert not np.array_equal(out, photo)
    inside = (slice(40, 150), slice(30, 120))
    assert abs(ita(out[inside]) - ita(photo[inside])) < 2


class Constant(nn.Module):
    """Gives one value for every pixel."""

    def __init__(self, value: float, planes: int) -> None:
        super().__init__()
        self.value, self.planes, self.calls = value, planes, 0

    def forward(self, x: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return torch.full((len(x), self.planes, *x.shape[2:]), self.value)


def retoucher(monkeypatch: pytest.MonkeyPatch, layer: float, blemish: float) -> tuple[SkinRetoucher, Constant]:
    painter = Constant(0.5, 3)
    networks = {"SkinUNet": Constant(layer, 3), "BlemishDetector": Constant(blemish, 1), "BlemishPainter": painter}
    monkeypatch.setattr(retoucher_file, "read_tensors", lambda *_: {})
    monkeypatch.setattr(retoucher_file, "filled", lambda make, *_: networks[make.__name__])
    return SkinRetoucher(Path("a"), Path("b"), CPU), painter


def test_a_layer_that_says_nothing_changes_nothing(monkeypatch: pytest.MonkeyPatch, photo: np.ndarray):
    tool, _ = retoucher(monkeypatch, layer=0.5, blemish=0.0)
    skin = np.full(photo.shape[:2], 255, np.uint8)
    out = tool.retouch(photo, Box(60, 80, 100, 130), skin, 1.0)
    assert np.abs(out.astype(int) - photo).max() <= 1  # rounding on the way through L*a*b*
    assert np.array_equal(tool.retouch(photo, Box(60, 80, 100, 130), skin, 0.0), photo)
    assert np.array_equal(tool.retouch(photo, Box(60, 80, 100, 130), 0 * skin, 1.0), photo)


def test_blemishes_are_painted_in_patches(monkeypatch: pytest.MonkeyPatch):
    tool, painter = retoucher(monkeypatch, layer=0.5, blemish=1.0)
    light = torch.rand(1, 3, 520, 300)
    assert torch.allclose(tool._without_blemishes(light), torch.full_like(light, 0.5))
    assert painter.calls == 2
    kept = torch.ones(1, 1, 520, 300)
    assert torch.equal(tool._painted(light, kept), light)


# ---------------------------------------------------------------- enlarging, in tiles


def test_tiles_give_what_the_whole_picture_gives(monkeypatch: pytest.MonkeyPatch, photo: np.ndarray):
    network = random_network(lambda: RrdbNet(RrdbShape(4, 4, 1, 2)))
    monkeypatch.setattr(enlarger_file, "read_rrdb", lambda file: network)
    tool = PictureEnlarger(Path("none"), CPU)
    whole = tool.enlarged(photo[:151, :101])
    monkeypatch.setattr(enlarger_file, "TILE", 48)
    tiled = tool.enlarged(photo[:151, :101])
    assert whole.shape == tiled.shape == (302, 202, 3)
    assert np.abs(whole.astype(int) - tiled).max() <= 1


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.7])
def test_pictures_have_the_size_that_was_asked_for(monkeypatch: pytest.MonkeyPatch, photo: np.ndarray, scale: float):
    network = random_network(lambda: RrdbNet(RrdbShape(4, 4, 1, 2)))
    monkeypatch.setattr(enlarger_file, "read_rrdb", lambda file: network)
    monkeypatch.setattr(enlarger_file, "_MOST", 4000)
    out = PictureEnlarger(Path("none"), CPU).sharpen(photo, scale)
    assert out.shape == (round(200 * scale), round(160 * scale), 3)


# ---------------------------------------------------------------- aligned faces


def test_padded_points_by_hand():
    assert np.allclose(padded_points(512), (ARC_FACE + 28) * 512 / 168)
    assert np.allclose(padded_points(168) - 28, ARC_FACE)


@pytest.mark.parametrize("side", [64, 256])
def test_a_crop_that_is_laid_back_is_the_picture(photo: np.ndarray, side: int):
    large = np.asarray(cv2.resize(photo, (480, 600), interpolation=cv2.INTER_CUBIC), np.uint8)
    points = (ARC_FACE - 56) * 1.4 + (240, 300)
    crop, matrix = padded_crop(large, points, side)
    assert np.allclose(transform_points(matrix, points), padded_points(side), atol=1e-6)
    back, share = laid_back(large, crop, matrix, rectangle(side))
    inside = share > 0.99
    assert inside.sum() > 10_000
    assert np.abs(back.astype(int) - large)[inside].mean() < 1.0
    assert np.array_equal(back[share == 0], large[share == 0])


def test_the_rectangle_is_whole_inside_and_nothing_at_the_rim():
    mask = rectangle(512)
    assert mask[256, 256] == pytest.approx(1)
    assert max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) == 0
    assert mask[26, 256] == pytest.approx(0.5, abs=0.05)


def test_a_face_is_restored_if_it_is_good_and_stays_the_same():
    one, other = np.array([1.0, 0], np.float32), np.array([0.84, math.sqrt(1 - 0.84**2)], np.float32)
    assert accepted(FaceRating(0.1, one), FaceRating(0.0, one))
    assert not accepted(FaceRating(0.09, one), FaceRating(0.9, one))
    assert not accepted(FaceRating(0.9, one), FaceRating(0.9, other))  # a cosine of 0.84 is a distance of 0.16


class Brighter:
    """A restoring network that only makes lighter."""

    def run(self, blob: np.ndarray) -> tuple[np.ndarray, ...]:
        assert blob.shape == (1, 3, 512, 512)
        return (np.clip(blob + 0.1, -1, 1),)


def test_gfpgan_is_shown_faces_as_ffhq_has_them(photo: np.ndarray):
    restorer = OnnxRestorer(Path("none"))
    restorer.__dict__["_net"] = Brighter()
    points = (FFHQ - 256) * 0.2 + (80, 100)
    crop, sharp, matrix = restorer.restored(photo, points)
    assert np.allclose(transform_points(matrix, points), FFHQ, atol=1e-6)
    assert np.abs(sharp.astype(int) - np.clip(crop + 12.75, 0, 255)).max() <= 1
    restorer.release()
    assert "_net" not in restorer.__dict__


# ---------------------------------------------------------------- parsing


class OneClass:
    """A parsing network that sees one class in a square of its crop."""

    def __init__(self, number: int) -> None:
        self.number = number

    def run(self, blob: np.ndarray) -> tuple[np.ndarray, ...]:
        assert blob.shape == (1, 3, 512, 512)
        logits = np.zeros((1, 19, 512, 512), np.float32)
        logits[:, 0] = 10
        logits[0, self.number, 192:320, 192:320] = 30
        return (logits, logits)


def test_a_class_lies_where_its_crop_was_cut(photo: np.ndarray):
    face = Face(Box(60, 80, 100, 130), np.zeros((5, 2), np.float32), 1.0, Pose(0, 0, 90.0))
    parser = FaceParser(Path("none"))
    parser.__dict__["_net"] = OneClass(12)
    masks = parser.regions(photo, face)
    rows, columns = np.nonzero(masks.lips > 127)
    side = 2.2 * 50 / 4  # the square is a quarter of the crop
    assert (columns.min(), rows.min()) == (pytest.approx(80 - side / 2, abs=1), pytest.approx(105 - side / 2, abs=1))
    assert np.ptp(rows) + 1 == pytest.approx(side, abs=1.5)
    assert np.array_equal(masks.lips, masks.face)
    assert not masks.skin.any() and not masks.eyes.any()
    parser.release()
    assert "_net" not in parser.__dict__


def test_shares_add_up_however_large_the_numbers_are():
    shares = softmax(np.array([[[1000.0]], [[999.0]], [[-1000.0]]], np.float32))
    assert shares.sum() == pytest.approx(1)
    assert shares[1, 0, 0] == pytest.approx(math.exp(-1) / (1 + math.exp(-1)))
