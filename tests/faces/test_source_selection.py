"""Which photo is moved in, by pose, mouth and eyes; what is refused and what is only said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from builtin_model.mesh_indices import INNER_MOUTH
from easyphoto.domain import Face, Pose
from easyphoto.faces.base import FusionSource, FusionTarget
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.expression import Expression, borrows_mouth, expression_gap, expression_of
from easyphoto.faces.fusion.fit import FAR_POSE, TOO_FAR_POSE, notes_on
from easyphoto.faces.fusion.fuse import fuse
from easyphoto.faces.fusion.mesh_warp import warp_face
from easyphoto.faces.fusion.mouth import with_mouth_of, with_teeth_of
from easyphoto.faces.fusion.source_selection import SourceChoice, candidates, photo_stats
from easyphoto.faces.geometry import rotation_of
from easyphoto.paths import Paths, shipped_models

CLOSED, LAUGHING = Expression(0.01, 0.58, 0.34), Expression(0.09, 0.74, 0.31)
LOWER_LIP = (14, 17, 87, 317, 178, 402, 84, 314, 181, 405, 15, 16, 86, 316, 85, 315, 88, 318, 95, 324)
UPPER_LIDS = (159, 158, 160, 161, 157, 386, 385, 387, 388, 384)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return BuiltinToolbox(Paths(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def template(faces):
    pixels = np.asarray(Image.open(shipped_models() / "samples/astronaut.png").convert("RGB"))
    return FusionSource(pixels, faces.detect(pixels)[0])


def lowered(face: Face, points: tuple[int, ...], heights: float) -> Face:
    """With these mesh points moved down by so many face heights."""
    mesh = face.mesh.copy()
    mesh[list(points), 1] += np.float32(heights * face.box.height)
    return replace(face, mesh=mesh)


@pytest.fixture(scope="module")
def closed(template):
    """The template's picture with its mouth drawn shut."""
    shut = lowered(template.face, LOWER_LIP, -0.08)
    pixels, _ = warp_face(template.picture, template.face.mesh, shut.mesh, 1.7)
    return FusionSource(pixels, shut)


def choice(own: Expression, wanted: Expression, gap: float = 0.0) -> SourceChoice:
    return SourceChoice(0, None, gap, own, wanted, 0.0)  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(yaw=st.floats(-40, 40), pitch=st.floats(-30, 30), roll=st.floats(-60, 60), scale=st.floats(0.2, 5))
def test_the_expression_does_not_depend_on_pose_and_size(template, yaw, pitch, roll, scale):
    mesh = template.face.mesh
    turned = scale * mesh @ rotation_of(Pose(yaw, pitch, roll)).T.astype(np.float32) + np.float32(9)
    before, after = expression_of(mesh), expression_of(turned.astype(np.float32))
    assert after.mouth_open == pytest.approx(before.mouth_open, abs=2e-3)
    assert after.smile == pytest.approx(before.smile, abs=5e-3)
    assert after.eyes_open == pytest.approx(before.eyes_open, abs=5e-3)


def test_a_laugh_is_told_from_a_closed_mouth(template):
    shut = lowered(template.face, LOWER_LIP, -0.08)
    assert expression_of(shut.mesh).mouth_open < 0.03 < 0.07 < expression_of(template.face.mesh).mouth_open
    assert expression_gap(CLOSED, LAUGHING) > 1 > expression_gap(CLOSED, Expression(0.02, 0.62, 0.2))


@pytest.mark.parametrize("laughs", [False, True])
def test_the_photo_with_the_templates_mouth_comes_first(template, laughs):
    shut, laughing = lowered(template.face, LOWER_LIP, -0.08), template.face
    photos = [FusionSource(template.picture, face) for face in (shut, laughing)]
    order = candidates(template.picture, laughing if laughs else shut, photos)
    assert order[0].index == int(laughs)
    assert order[0].expression_gap < 0.01 < 0.9 < order[1].expression_gap


def test_a_photo_with_closed_eyes_comes_last(template):
    asleep = lowered(template.face, UPPER_LIDS, 0.025)
    photos = [FusionSource(template.picture, face) for face in (asleep, template.face, template.face)]
    order = candidates(template.picture, template.face, photos)
    assert order[-1].index == 0
    assert order[-1].cost > order[0].cost + 1


def test_a_slit_of_the_templates_teeth_is_not_laid_between_lips_that_do_not_smile():
    shut, slit, laugh = (Expression(opened, 0.6, 0.3) for opened in (0.0, 0.036, 0.05))
    assert not borrows_mouth(shut, slit)
    assert borrows_mouth(shut, laugh)


def test_the_mouth_opens_as_the_templates_and_nothing_else_moves(template):
    laughing, shut = template.face.mesh, lowered(template.face, LOWER_LIP, -0.08).mesh
    opened = with_mouth_of(shut, laughing)
    assert borrows_mouth(expression_of(shut), expression_of(laughing))
    assert expression_of(opened).mouth_open > 0.6 * expression_of(laughing).mouth_open
    far = np.linalg.norm(laughing - laughing[13], axis=1) > 0.4 * template.face.box.height
    assert np.array_equal(opened[far], shut[far])
    assert np.array_equal(with_mouth_of(laughing, laughing), laughing)


def test_the_templates_teeth_stay_between_the_lips(template):
    mesh = template.face.mesh
    height, width = template.picture.shape[:2]
    plane, white = BlendMask(mesh, (width, height)), np.full_like(template.picture, 255)
    mixed = with_teeth_of(np.zeros_like(white), white, plane)
    x, y = mesh[list(INNER_MOUTH), :2].mean(0).round().astype(int)
    assert (mixed[y, x] == 255).all()
    assert (mixed == 0).all(-1).mean() > 0.97


def test_a_closed_mouth_laughs_with_the_template(faces, closed):
    pixels = np.asarray(Image.open(shipped_models() / "templates/red-wall.jpg").convert("RGB"))
    face = faces.detect(pixels)[0]
    assert expression_of(closed.face.mesh).mouth_open < 0.03
    result = fuse(FusionTarget(pixels, face), [closed], faces)
    again = max(faces.detect(result.picture), key=lambda one: one.box.overlap(face.box))
    assert expression_of(again.mesh).mouth_open > 0.6 * expression_of(face.mesh).mouth_open
    assert any("teeth" in str(note) for note in result.notes)


def test_full_lips_over_darkness_are_closed_and_teeth_are_not(faces):
    for name, shut in (("plain-wall", True), ("red-wall", False)):
        pixels = np.asarray(Image.open(shipped_models() / f"templates/{name}.jpg").convert("RGB"))
        light = faces.retone(pixels, faces.detect(pixels)[0], [], np.array([70, 11, 17], np.float32))
        again = faces.detect(light)[0]
        assert (photo_stats(light, again).expression.mouth_open == 0) == shut, name


def test_a_template_turned_too_far_is_refused_and_a_little_less_is_noted(faces, template):
    def turned(yaw: float) -> Face:
        middle = template.face.mesh.mean(0)
        mesh = (template.face.mesh - middle) @ rotation_of(Pose(yaw, 0, 0)).T.astype(np.float32) + middle
        return replace(template.face, mesh=mesh, pose=replace(template.face.pose, yaw=template.face.pose.yaw + yaw))

    photos = [FusionSource(template.picture, template.face)]
    noted = fuse(FusionTarget(template.picture, turned((FAR_POSE + TOO_FAR_POSE) / 2)), photos)
    assert any("degrees" in str(note) for note in noted.notes)
    with pytest.raises(Exception, match="pose"):
        fuse(FusionTarget(template.picture, turned(TOO_FAR_POSE + 2)), photos)


@pytest.mark.parametrize(
    ("own", "wanted", "gap", "words"),
    [
        (CLOSED, CLOSED, 3, ()),
        (CLOSED, LAUGHING, 3, ("teeth are the template's",)),
        (LAUGHING, CLOSED, 3, ("closed mouth",)),
        (CLOSED, replace(CLOSED, smile=0.82), 3, ("template's expression",)),
        (replace(CLOSED, eyes_open=0.2), CLOSED, 3, ("open eyes",)),
        (replace(CLOSED, eyes_open=0.2), replace(CLOSED, eyes_open=0.2), 3, ()),
        (CLOSED, CLOSED, FAR_POSE + 1, ("turned 21 degrees",)),
    ],
)
def test_what_does_not_fit_is_said_in_both_languages(own, wanted, gap, words):
    notes = notes_on(choice(own, wanted, gap))
    assert len(notes) == len(words)
    for note, word in zip(notes, words, strict=True):
        assert word in note.text()
        assert note.text("zh") != note.text()


def test_the_readme_names_the_limits_that_are_used():
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert f"above {FAR_POSE:.0f} degrees" in text
    assert f"above {TOO_FAR_POSE:.0f} degrees" in text
