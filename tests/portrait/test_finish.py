from pathlib import Path

import numpy as np
import pytest
from fakes import FakeFaces, draw_faces

from easyphoto.domain import Face, ModelFamily, Person, Pixels, PortraitRequest
from easyphoto.faces.base import FusionSource
from easyphoto.images import rgb_to_lab
from easyphoto.portrait.compose import FaceCanvas
from easyphoto.portrait.finish import EFFECTS, EffectContext, enhance_detail, match_template, retouch
from easyphoto.portrait.subject import Subject
from easyphoto.stages import Stage

TEMPLATE, PAINTED = (200, 130, 110), (170, 120, 120)
FACES = FakeFaces()


def canvas() -> FaceCanvas:
    original = draw_faces((300, 300), [((150, 150), 120, TEMPLATE)])
    pixels = draw_faces((300, 300), [((150, 150), 120, PAINTED)])
    face = FACES.detect(original)[0]
    touched = FACES.regions(original, face).face
    return FaceCanvas(original, pixels, face, np.full((300, 300), 255, np.uint8), touched)


def context(**changes) -> EffectContext:
    pixels = draw_faces((300, 300), [((150, 150), 120, PAINTED)])
    face: Face = FACES.detect(pixels)[0]
    person = Person("ann", "Ann", Path(), None, Path(), None, ())
    source = FusionSource(pixels, face)
    return EffectContext(FACES, Subject(person, (source,), source), PortraitRequest(persons=("ann",), **changes))


def cheek(pixels: Pixels) -> np.ndarray:
    return rgb_to_lab(pixels)[150:170, 165:185].reshape(-1, 3).mean(axis=0)


def test_skin_takes_the_templates_color():
    before = canvas()
    after = match_template(before, context())
    wanted, was, now = cheek(before.original), cheek(before.pixels), cheek(after.pixels)
    assert np.linalg.norm(now - wanted) < 2 < np.linalg.norm(was - wanted)


def test_lips_and_eyes_keep_their_color():
    before = canvas()
    after = match_template(before, context())
    regions = FACES.regions(before.pixels, FACES.detect(before.pixels)[0])
    features = np.maximum(regions.lips, regions.eyes) == 255
    assert features.any()
    assert (after.pixels[features] == before.pixels[features]).all()


@pytest.mark.parametrize("effect", [match_template, retouch, enhance_detail])
def test_effects_stay_inside_the_face(effect):
    before = canvas()
    after = effect(before, context(retouch=True, retouch_ratio=1.0))
    outside = before.touched == 0
    assert (after.pixels[outside] == before.pixels[outside]).all()


def test_neighbours_are_never_painted():
    before = canvas()
    before.free[:, :150] = 0
    after = retouch(before, context(retouch=True, retouch_ratio=1.0))
    assert (after.pixels[:, :150] == before.pixels[:, :150]).all()
    assert (after.pixels[:, 150:] != before.pixels[:, 150:]).any()


def test_effects_come_in_the_order_of_the_switches():
    stages = PortraitRequest(retouch=True).face_stages
    assert stages[-3:] == (Stage.COLOR, Stage.RETOUCH, Stage.DETAIL)
    assert stages[2] is Stage.COLOR
    plain = PortraitRequest(color_first=False, color_last=False, enhance_detail=False).face_stages
    assert set(plain).isdisjoint(EFFECTS)


def test_the_embedded_family_leaves_color_to_the_fusion():
    request = PortraitRequest.for_family(ModelFamily.BUILTIN)
    assert (request.color_first, request.color_last) == (False, False)
    assert (PortraitRequest().color_first, PortraitRequest().color_last) == (True, True)
