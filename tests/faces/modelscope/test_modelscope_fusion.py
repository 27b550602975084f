"""What lies round the fusion network, each against a second, naive implementation."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from easyphoto.errors import BadModel, MissingModel
from easyphoto.faces.arc_face import ARC_FACE
from easyphoto.faces.geometry import transform_points
from easyphoto.faces.modelscope.face_shape import JawModel, fused_coefficients
from easyphoto.faces.modelscope.fuser import dissolved, fusion_crop, read_alpha, softened_for


@pytest.fixture
def photo() -> np.ndarray:
    """Smooth colors like skin with some grain."""
    draw = np.random.default_rng(1)
    small = draw.integers(60, 230, (5, 5, 3), np.uint8)
    return np.asarray(cv2.resize(small, (160, 200), interpolation=cv2.INTER_CUBIC), np.uint8)


def jaw() -> JawModel:
    draw = np.random.default_rng(4)
    return JawModel(*(draw.normal(0, 0.3, shape).astype(np.float32) for shape in ((17, 3), (17, 3, 80), (17, 3, 64))))


def test_the_outline_point_by_point():
    model, draw = jaw(), np.random.default_rng(5)
    given = (draw.normal(0, 0.05, 257)).astype(np.float32)
    x, y, z = (float(value) for value in given[224:227])
    about = [
        [[1, 0, 0], [0, math.cos(x), -math.sin(x)], [0, math.sin(x), math.cos(x)]],
        [[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]],
        [[math.cos(z), -math.sin(z), 0], [math.sin(z), math.cos(z), 0], [0, 0, 1]],
    ]
    for number, found in enumerate(model.outline(given)):
        place = model.mean[number] + model.identity[number] @ given[:80] + model.expression[number] @ given[80:144]
        for matrix in about:
            place = np.array(matrix) @ place
        place = place + given[254:257]
        depth = 10 - place[2]
        across, up = 1015 * place[0] / depth + 112, 1015 * place[1] / depth + 112
        assert found.tolist() == pytest.approx([across / 112 - 1, 1 - up / 112], abs=1e-4)


def test_half_of_the_persons_shape_and_all_else_of_the_template():
    source, template = np.full(257, 2, np.float32), np.zeros(257, np.float32)
    fused = fused_coefficients(source, template)
    assert (fused[:80] == 1).all() and not fused[80:].any()
    assert not template.any()


def test_the_morphable_model_is_read_without_its_texture(tmp_path: Path):
    from scipy.io import savemat

    draw = np.random.default_rng(6)
    shape, points = draw.normal(size=(1, 3 * 100)), np.arange(3, 71)[None]
    parts = {"meanshape": shape, "idBase": draw.normal(size=(300, 80)), "exBase": draw.normal(size=(300, 64))}
    savemat(tmp_path / "m.mat", {**parts, "keypoints": points, "texBase": np.zeros((300, 80))})
    model = JawModel.read(tmp_path / "m.mat")
    vertices = shape.reshape(100, 3)
    assert np.allclose(model.mean[0], vertices[2] - vertices.mean(0), atol=1e-5)  # counted from 1
    assert np.allclose(model.identity[16], parts["idBase"].reshape(100, 3, 80)[18], atol=1e-5)
    assert model.expression.shape == (17, 3, 64)
    (tmp_path / "bad.mat").write_bytes(b"<html>")
    with pytest.raises(BadModel):
        JawModel.read(tmp_path / "bad.mat")
    with pytest.raises(MissingModel):
        JawModel.read(tmp_path / "none.mat")


def test_the_generators_crop_has_more_room_than_the_recognizers():
    points = ARC_FACE * 3 + (50, 40)
    _, matrix = fusion_crop(np.zeros((500, 500, 3), np.uint8), points)
    assert np.allclose(transform_points(matrix, points), ((ARC_FACE - 56) * 0.85 + 56) * 256 / 112, atol=1e-6)


def test_only_what_the_mask_touches_changes(photo: np.ndarray):
    mask = np.zeros(photo.shape[:2], np.float32)
    mask[10:20, 10:20] = 0.001
    made = 255 - photo
    picture, touched = dissolved(photo, made, mask, 1.0)
    assert np.array_equal(touched > 0, mask > 0)
    assert np.array_equal(picture[mask == 0], photo[mask == 0])
    assert np.array_equal(picture[mask > 0], made[mask > 0])
    half, _ = dissolved(photo, made, mask, 0.5)
    assert np.abs(half[10:20, 10:20].astype(int) - 127.5).max() <= 1
    assert np.array_equal(dissolved(photo, made, mask, 0.0)[0], photo)


def test_small_faces_are_softer():
    draw = np.random.default_rng(7)
    face = draw.integers(0, 255, (64, 64, 3), np.uint8)
    spread = [float(softened_for(face, side).std()) for side in (120, 90, 30)]
    assert spread[0] > spread[1] > spread[2]
    assert softened_for(face, 120) is face


def test_alpha_is_a_gray_picture(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "alpha.png"), np.full((64, 64), 255, np.uint8))
    alpha = read_alpha(tmp_path / "alpha.png")
    assert alpha.shape == (256, 256) and (alpha == 1).all()
    (tmp_path / "alpha.jpg").write_bytes(b"")
    with pytest.raises(BadModel):
        read_alpha(tmp_path / "alpha.jpg")
    with pytest.raises(MissingModel):
        read_alpha(tmp_path / "none.jpg")
