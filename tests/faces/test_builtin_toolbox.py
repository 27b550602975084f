"""The built-in toolbox on one real face (NASA's portrait of Eileen Collins, public domain)."""

from __future__ import annotations

import hashlib
import re
import threading

import cv2
import numpy as np
import pytest
from PIL import Image

from easyphoto.domain import Face
from easyphoto.errors import BadModel, MissingModel
from easyphoto.faces.builtin.onnx_net import OnnxNet, warp
from easyphoto.faces.builtin.person_segmentation import without_specks
from easyphoto.faces.builtin.toolbox import BuiltinToolbox, distinct, shrink
from easyphoto.faces.geometry import square_crop, transform_points
from easyphoto.faces.likeness import distance
from easyphoto.images.color import rgb_to_lab
from easyphoto.paths import Paths

REGIONS = ("face", "skin", "eyes", "brows", "lips", "nose")


@pytest.fixture(scope="module")
def tools(tmp_path_factory) -> BuiltinToolbox:
    return BuiltinToolbox(Paths(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> np.ndarray:
    file = Paths(tmp_path_factory.mktemp("home")).samples / "astronaut.png"
    return np.asarray(Image.open(file).convert("RGB"))


@pytest.fixture(scope="module")
def face(tools, picture) -> Face:
    (found,) = tools.detect(picture)
    return found


def turned(picture: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """The picture turned clockwise on a canvas that holds it whole, and the matrix."""
    h, w = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), -degrees, 0.7)
    return cv2.warpAffine(picture, matrix, (w, h), borderValue=(90, 90, 90)), matrix


# ---------------------------------------------------------------- detection


def test_one_face_where_it_is(face):
    assert face.score > 0.9
    assert face.mesh is not None
    assert face.mesh.shape == (468, 3)
    assert face.points.shape == (5, 2)
    left, top, right, bottom = face.box.rounded()
    assert 165 < left < 190
    assert 55 < top < 85
    assert 260 < right < 285
    assert 165 < bottom < 190
    assert np.abs([face.pose.yaw, face.pose.pitch, face.pose.roll]).max() < 10


def test_points_lie_in_their_order(face):
    eye_left, eye_right, nose, mouth_left, mouth_right = face.points
    assert eye_left[0] < nose[0] < eye_right[0]
    assert mouth_left[0] < nose[0] < mouth_right[0]
    assert eye_left[1] < nose[1] < mouth_left[1]


@pytest.mark.parametrize("degrees", [30, -45, 90, -90, 180])
def test_turned_faces_are_found_with_their_roll(tools, picture, face, degrees):
    canvas, matrix = turned(picture, degrees)
    found = max(tools.detect(canvas), key=lambda f: f.box.area)
    eyes = np.linalg.norm(face.points[1] - face.points[0]) * 0.7
    assert np.linalg.norm(found.points - transform_points(matrix, face.points), axis=1).mean() < 0.1 * eyes
    assert (found.pose.roll - face.pose.roll - degrees + 180) % 360 - 180 == pytest.approx(0, abs=4)


@pytest.mark.parametrize("ratio", [0.3, 0.6, 2.0, 5.0])
def test_size_does_not_matter(tools, picture, face, ratio):
    scaled = cv2.resize(
        picture, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC
    )
    (found,) = tools.detect(scaled)
    assert found.box.overlap(type(found.box)(*(v * ratio for v in vars(face.box).values()))) > 0.9
    assert distance(tools.embed(scaled, found), tools.embed(picture, face)) < 0.35


def test_a_face_that_fills_the_picture(tools, picture, face):
    left, top, right, bottom = face.box.scaled(1.05).rounded()
    assert len(tools.detect(np.ascontiguousarray(picture[top:bottom, left:right]))) == 1


def test_small_face_in_a_large_picture(tools, picture):
    canvas = np.full((1500, 2200, 3), 120, np.uint8)
    canvas[900:1156, 1700:1956] = cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA)
    (found,) = tools.detect(canvas)
    assert found.box.center == pytest.approx((1700 + 112.5, 900 + 61.5), abs=6)


def test_several_faces_from_left_to_right(tools, picture):
    row = np.hstack([picture, picture[:, ::-1], picture])
    found = tools.detect(np.ascontiguousarray(row))
    assert [round((f.box.center[0]) / 512 - 0.5) for f in found] == [0, 1, 2]


@pytest.mark.parametrize("kind", ["noise", "flat", "pixel", "line"])
def test_no_face_is_an_empty_list(tools, kind):
    noise = np.random.default_rng(3).integers(0, 255, (200, 300, 3), np.uint8)
    pictures = {"noise": noise, "flat": noise * 0 + 200, "pixel": noise[:1, :1], "line": noise[:1]}
    assert tools.detect(np.ascontiguousarray(pictures[kind])) == []


def test_mirror_image_mirrors_the_pose(tools, picture, face):
    (mirrored,) = tools.detect(np.ascontiguousarray(picture[:, ::-1]))
    assert mirrored.pose.yaw == pytest.approx(-face.pose.yaw, abs=4)
    assert mirrored.pose.roll == pytest.approx(-face.pose.roll, abs=3)
    assert mirrored.pose.pitch == pytest.approx(face.pose.pitch, abs=4)


def test_double_boxes_become_one(face):
    assert distinct([face, face]) == [face]


# ---------------------------------------------------------------- recognition


def test_embedding_knows_the_face_again(tools, picture, face):
    canvas, _ = turned(np.clip(picture * 0.8 + 10, 0, 255).astype(np.uint8), 20)
    (again,) = tools.detect(canvas)
    vector = tools.embed(picture, face)
    assert vector.shape == (128,)
    assert vector.dtype == np.float32
    assert distance(vector, tools.embed(canvas, again)) < tools.recognizer.strict


def test_another_geometry_is_another_person(tools, picture, face):
    """The same face squeezed by a third is nobody this recogniser knows."""
    narrow = np.ascontiguousarray(cv2.resize(picture, (300, 512), interpolation=cv2.INTER_AREA))
    (other,) = tools.detect(narrow)
    assert distance(tools.embed(picture, face), tools.embed(narrow, other)) > 0.3


def test_many_faces_at_once_are_the_same_as_one_by_one(tools, picture, face):
    rows = tools.embed_all(picture, [face, face])
    assert rows.shape == (2, 128)
    assert np.allclose(rows[0], tools.embed(picture, face), atol=1e-4)
    assert tools.embed_all(picture, []).shape == (0, 128)


def test_threads_agree(tools, picture, face):
    got: list[np.ndarray] = []
    work = [
        threading.Thread(target=lambda: got.append(tools.embed(picture, tools.detect(picture)[0]))) for _ in range(4)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    want = tools.embed(picture, face)
    assert len(got) == 4
    assert all(np.allclose(vector, want, atol=1e-4) for vector in got)


# ---------------------------------------------------------------- masks


def test_matte_holds_the_person_and_not_the_flag(tools, picture):
    matte = tools.matte(picture)
    assert matte.shape == picture.shape[:2]
    assert matte.dtype == np.uint8
    assert matte[120, 225] > 250  # cheek
    assert matte[300, 200] > 250  # suit
    assert matte[100, 20] < 30  # flag
    assert matte[30, 350] < 30  # wall
    assert 0.3 < (matte > 127).mean() < 0.8


def test_specks_go_and_persons_stay():
    rough = np.zeros((256, 256), np.float32)
    rough[40:200, 60:180], rough[10:40, 220:250], rough[230:233, 5:8] = 1.0, 0.7, 1.0
    clean = without_specks(rough)
    assert clean[100, 100] == 1
    assert clean[20, 230] == 0
    assert clean[231, 6] == 0
    assert not without_specks(np.zeros((256, 256), np.float32)).any()


def test_regions_lie_where_they_belong(tools, picture, face):
    regions = tools.regions(picture, face)
    for name in REGIONS:
        mask = getattr(regions, name)
        assert mask.shape == picture.shape[:2]
        assert mask.dtype == np.uint8
        assert mask.max() > 200
    for name in ("eyes", "brows", "lips", "nose"):
        assert (regions.face[getattr(regions, name) > 127] > 127).mean() > 0.95
    x, y = face.points[0].astype(int)
    assert regions.eyes[y, x] > 200
    assert regions.skin[y, x] < 30
    middle = face.points[3:].mean(0).astype(int)
    assert regions.lips[middle[1], middle[0]] > 200
    nose = face.points[2].astype(int)
    assert regions.nose[nose[1], nose[0]] > 200


def test_skin_has_cheeks_but_no_hair_and_no_wall(tools, picture, face):
    skin = tools.regions(picture, face).skin
    cheek = (face.points[0] + face.points[3]) / 2 + [4, 4]
    assert skin[int(cheek[1]), int(cheek[0])] > 200
    assert skin[35, 225] < 30  # hair above the forehead
    assert skin[100, 165] < 60  # hair beside
    assert skin[100, 330] == 0  # wall


def test_regions_without_a_mesh(tools, picture, face):
    """A face another toolbox found gets its mesh here."""
    bare = Face(face.box, face.points, face.score, face.pose)
    with_mesh, without = tools.regions(picture, face), tools.regions(picture, bare)
    both, either = (np.logical_and, np.logical_or)
    one, two = with_mesh.face > 127, without.face > 127
    assert both(one, two).sum() / either(one, two).sum() > 0.95


def test_regions_at_the_edge_of_the_picture(tools, picture, face):
    left, top, right, bottom = face.box.rounded()
    part = np.ascontiguousarray(picture[top - 5 : bottom - 20, left + 15 : right + 5])
    for found in tools.detect(part):
        assert tools.regions(part, found).face.shape == part.shape[:2]


def test_retouching_keeps_the_color_and_the_rest(tools, picture, face):
    skin = tools.regions(picture, face).skin
    smooth = tools.retouch(picture, face, 1.0)
    assert (smooth[skin == 0] == picture[skin == 0]).all()
    assert (smooth != picture).any()
    before, after = (rgb_to_lab(p)[skin > 127].mean(0) for p in (picture, smooth))
    assert np.abs(before - after).max() < 0.6


def test_sharpening_enlarges(tools, picture):
    assert tools.sharpen(picture[:64, :48], 2.0).shape == (128, 96, 3)


# ---------------------------------------------------------------- files and crops


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(MissingModel) as caught:
        OnnxNet(tmp_path / "mesh.onnx")
    assert "mesh.onnx" in caught.value.file


def test_a_damaged_model_is_named(tmp_path):
    (tmp_path / "mesh.onnx").write_bytes(b"not a model")
    with pytest.raises(BadModel) as caught:
        OnnxNet(tmp_path / "mesh.onnx")
    assert "mesh.onnx" in caught.value.file


def test_model_files_are_the_documented_ones(tmp_path):
    folder = Paths(tmp_path).face_models
    sums = dict(re.findall(r"\| `(\w+\.onnx)` .*`([0-9a-f]{64})`", (folder / "README.md").read_text("utf-8")))
    assert set(sums) == {file.name for file in folder.glob("*.onnx")}
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_shrinking_leaves_small_pictures_alone(picture):
    assert shrink(picture, 1024)[0] is picture
    small, ratio = shrink(np.zeros((10, 4000, 3), np.uint8), 1024)
    assert small.shape == (3, 1024, 3)
    assert ratio == pytest.approx(4000 / 1024)


@pytest.mark.parametrize("zoom", [0.11, 0.4, 1.0, 3.0])
def test_warp_keeps_positions(zoom):
    """A bright disc lands where the matrix says, however strong the shrinking."""
    canvas = np.zeros((900, 900, 3), np.uint8)
    cv2.circle(canvas, (486, 396), 8, (255, 255, 255), -1)
    matrix = square_crop((480, 400), 100 / zoom, 25, 100)
    crop = warp(canvas, matrix, 100)[..., 0].astype(float)
    y, x = np.mgrid[:100, :100] + 0.5
    center = np.array([(x * crop).sum(), (y * crop).sum()]) / crop.sum()
    assert center == pytest.approx(transform_points(matrix, [[486.5, 396.5]])[0], abs=0.12)
