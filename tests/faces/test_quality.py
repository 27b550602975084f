"""The quality of a portrait: each fault raises its own part and lowers the number; the weights are the fitted ones."""

from __future__ import annotations

import sys
from dataclasses import asdict, astuple, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr

from easyphoto.domain import Quality, QualityParts
from easyphoto.domain.portrait import GOOD_QUALITY
from easyphoto.faces.base import PhotoFit
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.quality import FLAWLESS, WEIGHTS, Repainted, felt, parts_of, quality_of, value_of
from easyphoto.paths import Paths, shipped_models
from easyphoto.portrait.score import badness

FITS = PhotoFit(pose_gap=2.0, eyes_open=0.34)


@pytest.fixture(scope="module")
def same(tmp_path_factory) -> Repainted:
    """A face that was replaced by itself."""
    faces = BuiltinToolbox(Paths(tmp_path_factory.mktemp("home")))
    pixels = np.asarray(Image.open(shipped_models() / "samples/astronaut.png").convert("RGB"))
    mesh = faces.detect(pixels)[0].mesh
    mask = BlendMask(mesh, (pixels.shape[1], pixels.shape[0])).region(0.6, 0.05)
    return Repainted(pixels, pixels, mesh, mesh, np.rint(255 * mask).astype(np.uint8))


def spoilt(face: Repainted, how) -> Repainted:
    """With the laid in part changed by `how`, a function of float pixels and the face's height."""
    share = face.mask[..., None] / np.float32(255)
    height = BlendMask(face.mesh, (1, 1)).height
    changed = how(face.picture.astype(np.float32), height)
    return replace(face, picture=np.clip(face.picture + (changed - face.picture) * share, 0, 255).astype(np.uint8))


def blurred(picture, height):
    return cv2.GaussianBlur(picture, (0, 0), 0.02 * height)


def sharpened(picture, height):
    return picture + 3 * (picture - cv2.GaussianBlur(picture, (0, 0), 0.006 * height))


def darker(picture, height):
    return picture * np.array([0.6, 0.55, 0.5], np.float32)


def flattened(picture, height):
    broad = cv2.GaussianBlur(picture, (0, 0), 0.06 * height)
    return picture - 0.85 * (broad - broad.mean((0, 1)))


def striped(picture, height):
    rows = np.arange(picture.shape[0])[:, None, None] % max(8, round(0.08 * height)) < max(1, round(0.012 * height))
    return np.where(rows, picture * 0.6, picture)


def violet(picture, height):
    top = np.arange(picture.shape[0])[:, None, None] % round(0.5 * height) < 0.25 * height
    return np.where(top, picture * np.array([0.85, 0.75, 1.25], np.float32), picture)


def test_a_face_replaced_by_itself_has_no_fault_that_another_could_have_brought(same):
    parts = parts_of(same, FITS)
    brought = ("edge_step", "color_step", "flat_light", "softness", "harshness", "expression_gap", "closed_eyes")
    assert {name: asdict(parts)[name] for name in brought} == dict.fromkeys(brought, 0.0)
    assert parts.pose_gap == 0


@pytest.mark.parametrize(
    ("part", "how"),
    [
        ("softness", blurred),
        ("harshness", sharpened),
        ("edge_step", darker),
        ("color_step", darker),
        ("flat_light", flattened),
        ("doubled_edges", striped),
        ("patches", violet),
    ],
)
def test_a_fault_raises_its_part_and_lowers_the_quality(same, part, how):
    before, after = quality_of(same, FITS), quality_of(spoilt(same, how), FITS)
    assert asdict(after.parts)[part] > asdict(before.parts)[part] + 0.15
    assert after.value < before.value


def test_what_the_photo_brings_counts(same):
    good = quality_of(same, FITS)
    turned, asleep = (quality_of(same, fit) for fit in (PhotoFit(24, 0.34), PhotoFit(2, 0.2)))
    assert turned.parts.pose_gap > 0.9
    assert asleep.parts.closed_eyes > 1
    assert max(turned.value, asleep.value) < good.value - 0.03


def test_the_measure_does_not_depend_on_the_pictures_size(same):
    def small(picture):
        return cv2.resize(picture, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)

    face = spoilt(same, darker)
    less = Repainted(
        small(face.template), small(face.picture), face.template_mesh * 0.8, face.mesh * 0.8, small(face.mask)
    )
    assert quality_of(less, FITS).value == pytest.approx(quality_of(face, FITS).value, abs=0.05)


def test_the_number_stays_between_0_and_1_whatever_the_faults():
    worst = QualityParts(*(99.0 for _ in astuple(WEIGHTS)))
    assert 0 <= value_of(worst) < 0.1
    assert value_of(QualityParts()) == FLAWLESS <= 1
    assert felt(0) == 0 < felt(0.5) < felt(1) < 2 * felt(0.5)


def test_faults_count_beside_likeness_when_one_of_several_is_chosen():
    fine, poor = Quality(0.7), Quality(0.2)
    assert badness(0.40, fine) < badness(0.38, poor)
    assert badness(0.30, poor) < badness(0.40, fine)
    assert badness(0.40, None) == 0.40


def test_the_weights_are_those_of_the_graded_portraits():
    folder = str(Path(__file__).parents[2] / "benchmarks")
    sys.path.insert(0, folder)
    try:
        from fit_quality import fitted, held_out, read
    finally:
        sys.path.remove(folder)
    graded = read()
    weights = fitted(graded.faults, graded.grades)
    assert len(graded.grades) >= 150
    assert np.allclose(weights[:-1] / 4, astuple(WEIGHTS), atol=1e-3)
    assert (weights[-1] - 1) / 4 == pytest.approx(FLAWLESS, abs=1e-3)
    predicted = held_out(graded.faults, graded.grades, graded.people)
    assert spearmanr(predicted, graded.grades).statistic > 0.4
    bad = graded.faults[graded.grades <= 2]
    assert max(FLAWLESS - bad @ np.array(astuple(WEIGHTS))) < GOOD_QUALITY  # the badge calls none of them good
