"""The upright frame a pass works in, and a portrait of the experimental family in the miniature world of `fakes`."""

from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEngine, FakeFaces
from portrait_world import TAN, make, person, template

from easyphoto.domain import Box, Face, HintKind, ModelFamily, PortraitRequest, Pose
from easyphoto.portrait.subject import open_subject
from easyphoto.portrait.working_frame import CROPS, FrameRequest, UprightFrame

EXPERIMENTAL = ModelFamily.EXPERIMENTAL


def tilted(size: tuple[int, int] = (400, 300)) -> Face:
    """Eyes 60 px apart, turned by 20 degrees about the middle of the picture."""
    turn = np.radians(20)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    upright = np.array([[-30, -20], [30, -20], [0, 5], [-20, 35], [20, 35]], np.float32)
    points = (upright @ matrix.T + (size[0] / 2, size[1] / 2)).astype(np.float32)
    return Face(Box(140, 80, 260, 220), points, 1.0, Pose(0, 0, 20))


def frame() -> UprightFrame:
    made = CROPS["upright"](FrameRequest((400, 300), tilted(), (512, 384), EXPERIMENTAL))
    assert isinstance(made, UprightFrame)
    return made


def test_the_frame_is_square_and_its_eyes_are_level():
    made = frame()
    placed = made.face(tilted())
    assert made.cut(np.zeros((300, 400, 3), np.uint8)).size == (256, 256)
    assert placed.points[0, 1] == pytest.approx(placed.points[1, 1], abs=0.01)
    assert placed.points.min() > 0
    assert placed.points.max() < 256
    assert placed.box.width / tilted().box.width == pytest.approx(made.frame.zoom)


def test_what_is_changed_in_the_frame_changes_there_alone():
    made = frame()
    change = made.enlarged(np.full((256, 256, 3), 10, np.float32))
    inside = made.inside()
    assert change[150, 200] == pytest.approx(10, abs=0.1)
    assert inside[150, 200] == 255
    assert not change[0, 0].any()
    assert inside[0, 0] == inside[299, 399] == 0


def test_the_engine_gets_an_upright_frame_with_the_fused_face_as_reference(tmp_path: Path):
    engine, ann = FakeEngine(EXPERIMENTAL), open_subject(person(tmp_path, "ann", TAN), FakeFaces())
    wish = PortraitRequest.for_family(EXPERIMENTAL, persons=("ann",), seed=7)
    portrait = make(wish, template(tmp_path, ((450, 350), 160)), ann, engine=engine)
    (job,) = engine.jobs
    assert job.picture.size == job.mask.size == (256, 256)
    assert {hint.kind for hint in job.hints} == set(HintKind)
    assert all(hint.faces for hint in job.hints)
    assert [hint.kind for hint in job.hints if hint.required] == [HintKind.CANNY]
    assert job.strength == 0.5
    assert portrait.picture.size == (900, 700)


def test_hair_that_fusion_left_is_not_repainted(tmp_path: Path):
    """The mask ends a little outside of what was moved in."""
    engine, ann = FakeEngine(EXPERIMENTAL), open_subject(person(tmp_path, "ann", TAN), FakeFaces())
    wish = PortraitRequest.for_family(EXPERIMENTAL, persons=("ann",), seed=7)
    make(wish, template(tmp_path, ((450, 350), 160)), ann, engine=engine)
    within = np.asarray(engine.jobs[0].mask) > 127
    engine.jobs.clear()
    make(PortraitRequest.for_family(EXPERIMENTAL, persons=("ann",), seed=7, fusion_before=False),
         template(tmp_path, ((450, 350), 160)), ann, engine=engine)  # fmt: skip
    assert 0 < within.sum() < (np.asarray(engine.jobs[0].mask) > 127).sum()
