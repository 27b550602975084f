"""Creases of an old template do not stay round a young person's face."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from builtin_model.mesh_indices import EYES
from easyphoto.faces.base import FusionSource
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.crease_depth import CreaseDepth, foreign_shares
from easyphoto.faces.fusion.creases import crease_depth, creases_of, lessened
from easyphoto.paths import Paths, shipped_models


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return BuiltinToolbox(Paths(tmp_path_factory.mktemp("home")))


def read(name: str, faces) -> FusionSource:
    pixels = np.asarray(Image.open(shipped_models() / f"templates/{name}.jpg").convert("RGB"))
    return FusionSource(pixels, faces.detect(pixels)[0])


def plane_of(one: FusionSource) -> BlendMask:
    return BlendMask(one.face.mesh, (one.picture.shape[1], one.picture.shape[0]))


def test_old_faces_have_deeper_creases(faces):
    young, old = (crease_depth(read(name, faces)) for name in ("street", "tie"))
    assert old.eyes > 3 * young.eyes > 0
    assert old.relief > 3 * young.relief > 0


def test_they_become_as_deep_as_the_persons_and_features_stay(faces):
    old, young = read("tie", faces), crease_depth(read("street", faces))
    plane = plane_of(old)
    creases = creases_of(plane, old.picture.astype(np.float32))
    smooth, changed = lessened(old.picture, creases, young)
    after = crease_depth(FusionSource(smooth, old.face))
    assert after.relief < 0.65 * creases.depth.relief
    assert after.eyes < 0.5 * creases.depth.eyes
    assert after.forehead < 0.5 * creases.depth.forehead
    assert (smooth[changed == 0] == old.picture[changed == 0]).all()
    eyes = np.maximum(*(plane.polygon(eye) for eye in EYES)) > 0.9
    assert np.abs(smooth[eyes].astype(int) - old.picture[eyes]).max() <= 2
    assert not changed[: round(float(old.face.box.top - 0.2 * plane.height))].any()  # hair and background
    half, _ = lessened(old.picture, creases, young, 0.5)
    assert np.abs(half.astype(int) - (smooth.astype(int) + old.picture) / 2).max() <= 1.5


def test_a_young_face_or_an_unknown_one_stays(faces):
    young = read("street", faces)
    creases = creases_of(plane_of(young), young.picture.astype(np.float32))
    for own in (creases.depth, CreaseDepth(None, None, None)):
        same, changed = lessened(young.picture, creases, own)
        assert same is young.picture
        assert not changed.any()


def test_a_gray_wall_is_no_skin_of_a_black_and_white_portrait(faces):
    old = read("black-white", faces)
    creases = creases_of(plane_of(old), old.picture.astype(np.float32))
    left = round(old.face.box.left - 0.1 * old.face.box.width)
    assert not creases.relief[:, :left].any()


def test_what_is_too_dark_for_skin_at_the_bottom_of_a_fold_belongs_to_the_fold(faces):
    old = read("tie", faces)
    plane, drawn = plane_of(old), old.picture.astype(np.float32)
    x, y = (round(float(value)) for value in plane.mesh[[50, 205], :2].mean(0))
    half = max(2, round(0.01 * plane.height))
    drawn[y - 30 : y + 30, x - half : x + half] *= 0.1
    relief = creases_of(plane, drawn).relief[y - 10 : y + 10, x - 1 : x + 2].mean()
    assert relief < -20


def test_a_smooth_forehead_gets_no_furrows_though_light_tells_as_much_relief_on_dark_skin():
    furrowed, smooth = CreaseDepth(0.019, 0.03, 0.05), CreaseDepth(0.016, 0.006, 0.05)
    under, over = foreign_shares(furrowed, smooth)
    assert under == 0
    assert over > 0.7
    assert foreign_shares(furrowed, furrowed) == (0, 0)


def test_a_fringe_is_no_furrow():
    fringed = CreaseDepth(0.004, 0.09, 0.02)
    assert foreign_shares(CreaseDepth(0.019, 0.03, 0.02), fringed)[1] > 0.7
    assert foreign_shares(fringed, CreaseDepth(0.004, 0.004, 0.02)) == (0, 0)
