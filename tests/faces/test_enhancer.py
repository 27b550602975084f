"""Small faces made crisp by the net that ships with the program."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from builtin_model.mesh_indices import INNER_MOUTH
from easyphoto.domain import Box, Face, Pose
from easyphoto.faces.base import FusionSource
from easyphoto.faces.builtin.enhancer import FaceEnhancer, net_share, true_to
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.paths import Paths, default_root


def face(width: float, left: float = 10) -> Face:
    return Face(Box(left, 10, left + width, 10 + 1.3 * width), np.zeros((5, 2), np.float32), 0.9, Pose(0, 0, 0))


@pytest.mark.parametrize(
    ("width", "share"), [(40, 0), (99, 0), (100, 0.8), (200, 0.8), (250, 0.4), (299, 0.008), (300, 0), (900, 0)]
)
def test_the_net_acts_where_a_face_needs_it(width: float, share: float):
    assert net_share(face(width)) == pytest.approx(share)


def test_large_and_tiny_faces_come_back_as_they_are():
    enhancer = FaceEnhancer(Paths(default_root()).face_models)
    for width in (60, 320):
        photo = FusionSource(np.zeros((500, 500, 3), np.uint8), face(width))
        assert enhancer.enhance(photo) is photo


@pytest.fixture(scope="module")
def pair() -> tuple[FusionSource, FusionSource, BuiltinToolbox]:
    """A photo with a face of 104 pixels, and what is made of it."""
    paths = Paths(default_root())
    tools = BuiltinToolbox(paths)
    picture = np.asarray(Image.open(paths.samples / "astronaut.png").convert("RGB"))
    found = tools.detect(picture)[0]
    ratio = 104 / found.box.width
    small = cv2.resize(
        picture, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC
    )
    found = tools.detect(small)[0]
    photo = FusionSource(small, replace(found, embedding=tools.embed(small, found)))
    return photo, tools.enhance(photo), tools


def cut(photo: FusionSource, ratio: float) -> np.ndarray:
    left, top, right, bottom = photo.face.box.scaled(ratio).rounded()
    return photo.picture[top:bottom, left:right]


def test_the_face_is_where_it_is_said_to_be(pair):
    photo, crisp, tools = pair
    found = tools.detect(crisp.picture)[0]
    assert crisp.face.box.width == pytest.approx(480, abs=1)
    assert np.abs(found.mesh - crisp.face.mesh)[:, :2].mean() < 0.01 * crisp.face.box.width
    assert crisp.face.embedding is photo.face.embedding
    assert np.linalg.norm(tools.embed(crisp.picture, found) - photo.face.embedding) < 0.25


def test_it_is_crisper_than_enlarging_and_keeps_its_colors(pair):
    photo, crisp, _ = pair
    inner = cut(crisp, 0.7)
    plain = cv2.resize(cut(photo, 0.7), inner.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    fine = [cv2.Laplacian(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), cv2.CV_32F).std() for p in (inner, plain)]
    assert fine[0] > 1.3 * fine[1]
    assert np.abs(inner.mean((0, 1)) - plain.mean((0, 1))).max() < 3


def test_what_the_photo_shows_by_itself_stays(pair):
    """Brought back to the photo's size, the enhanced face is the photo, but for what its pixels cannot show."""
    photo, crisp, _ = pair
    left, top, right, bottom = photo.face.box.scaled(0.9).rounded()
    scale = crisp.face.box.width / photo.face.box.width
    start = (
        np.array([crisp.face.box.left, crisp.face.box.top])
        - np.array([photo.face.box.left, photo.face.box.top]) * scale
    )
    shift = (0.5 - start) / scale - 0.5  # from pixel centers to pixel centers
    matrix = np.float32([[1 / scale, 0, shift[0]], [0, 1 / scale, shift[1]]])
    calm = cv2.GaussianBlur(crisp.picture, (0, 0), 0.5 * scale)
    back = cv2.warpAffine(calm, matrix, photo.picture.shape[1::-1], flags=cv2.INTER_LINEAR)
    apart = np.abs(back.astype(int) - cv2.GaussianBlur(photo.picture, (0, 0), 0.5))[top:bottom, left:right]
    assert apart.mean() < 3.0


def test_the_photos_own_comes_back_into_the_nets_detail():
    rng = np.random.default_rng(0)
    plain = cv2.GaussianBlur(rng.integers(0, 256, (80, 90, 3), dtype=np.uint8), (0, 0), 6)
    fine = np.float32(rng.normal(0, 6, (80, 90, 1)))
    detail = np.clip(plain * 0.8 + 30 + fine, 0, 255).astype(np.uint8)  # other colors, and detail of its own
    done = true_to(plain, detail, 3.0)
    assert np.abs(cv2.GaussianBlur(done.astype(np.float32) - plain, (0, 0), 6)).max() < 3
    assert (done - cv2.GaussianBlur(done, (0, 0), 2).astype(float)).std() > 4


def test_a_second_time_changes_nothing(pair):
    _, crisp, tools = pair
    assert tools.enhance(crisp) is crisp


def test_bands_meet_without_a_seam(monkeypatch: pytest.MonkeyPatch):
    enhancer = FaceEnhancer(Paths(default_root()).face_models)
    picture = np.array(Image.open(Paths(default_root()).samples / "astronaut.png").convert("RGB"))[90:154, 210:250]
    whole = enhancer.enlarged(picture).astype(int)
    monkeypatch.setattr("easyphoto.faces.builtin.enhancer._TILE", 32)
    banded = enhancer.enlarged(picture).astype(int)
    assert whole.shape == banded.shape == (256, 160, 3)
    steps = [np.abs(np.diff(p, axis=0))[127].mean() for p in (whole, banded)]  # over the line where the bands meet
    assert steps[1] < 1.25 * steps[0] + 0.5
    assert np.abs(whole - banded).mean() < 2


def test_between_the_lips_of_a_small_face_the_net_draws_little(pair, monkeypatch):
    def striped(_, picture):
        large = cv2.resize(picture, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC).astype(np.float32)
        stripes = np.where(np.arange(large.shape[1]) % 4 < 2, 20, -20)[None, :, None]
        return np.clip(large + stripes, 0, 255).astype(np.uint8)

    photo = pair[0]
    monkeypatch.setattr(FaceEnhancer, "enlarged", striped)
    crisp = FaceEnhancer(Paths(default_root()).face_models).enhance(photo)
    plane = BlendMask(crisp.face.mesh, (crisp.picture.shape[1], crisp.picture.shape[0]))
    fine = crisp.picture.mean(-1) - cv2.blur(crisp.picture.mean(-1), (9, 9))
    inside = plane.grow(plane.polygon(INNER_MOUTH), -0.01) > 0.9
    assert inside.sum() > 50
    assert fine[inside].std() < 0.6 * fine[plane.cheeks() > 0.9].std()
