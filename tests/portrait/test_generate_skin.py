"""Skin takes the tone of each face's own person; colored light is balanced; sources of a person."""

from pathlib import Path
from typing import ClassVar

import numpy as np
from fakes import FakeFaces, draw_faces, save
from portrait_world import PALE, TAN, make, person, request, template

from easyphoto.domain import Face, Person, Pixels
from easyphoto.faces.base import FusionResult, FusionTarget
from easyphoto.faces.skin_locus import lab_to_lch
from easyphoto.faces.wear import Wear
from easyphoto.images import rgb_to_lab
from easyphoto.portrait.subject import Subject, open_subject


def skin(portrait, x: int) -> np.ndarray:
    """Median color between the face's painted middle and its rim, where only the tone changes."""
    return np.median(np.asarray(portrait.picture)[405:420, x - 8 : x + 8].reshape(-1, 3), axis=0)


def test_skin_takes_the_tone_of_each_faces_own_person(tmp_path: Path, ann: Subject, bob: Subject):
    shown = template(tmp_path, ((250, 350), 120), ((650, 350), 120))
    plain = {"color_first": False, "color_last": False, "fusion_before": False, "fusion_after": False}
    lightness = rgb_to_lab(skin(make(request("bob", "ann", **plain), shown, ann, bob), 250).astype(np.uint8))[0]
    other = rgb_to_lab(skin(make(request("bob", "ann", **plain), shown, ann, bob), 650).astype(np.uint8))[0]
    assert abs(lightness - bob.tone[0]) < 6
    assert abs(other - ann.tone[0]) < 6
    assert lightness < other - 10


def test_what_the_template_wears_is_looked_at_before_it_is_retoned(tmp_path: Path, bob: Subject):
    class Looking(FakeFaces):
        seen: ClassVar[list[tuple[np.ndarray, Wear]]] = []
        given: ClassVar[list[Wear | None]] = []

        def worn(self, picture: Pixels, face: Face) -> Wear:
            wear = super().worn(picture, face)
            self.seen.append((picture, wear))
            return wear

        def fuse(self, target: FusionTarget, *rest) -> FusionResult:
            self.given.append(target.worn)
            return super().fuse(target, *rest)

    shown = template(tmp_path, ((450, 350), 120))
    make(request("bob", best_of=2, fusion_after=False), shown, bob, faces=Looking())
    ((picture, wear),) = Looking.seen
    assert np.median(picture[picture[..., 0] > picture[..., 1] + 30], axis=0).tolist() == list(PALE)
    assert Looking.given == [wear, wear]


def test_the_templates_tone_can_be_kept(tmp_path: Path, ann: Subject):
    shown = template(tmp_path, ((450, 350), 120))
    plain = {"fusion_before": False, "fusion_after": False}
    kept = make(request("ann", keep_template_skin=True, **plain), shown, ann)
    assert np.abs(skin(kept, 450) - PALE).max() < 12


def test_a_photo_in_violet_light_is_balanced_before_use(tmp_path: Path):
    subject = open_subject(person(tmp_path, "eve", (205, 120, 165)), FakeFaces())
    _, _, hue = lab_to_lch(FakeFaces().skin_tone(subject.sources[0].picture, subject.sources[0].face))
    assert 40 < hue < 70


def test_the_reference_and_its_photo_are_one_source_the_larger(tmp_path: Path):
    small, large = ((300, 300), [((150, 150), 120, TAN)]), ((500, 500), [((250, 250), 200, TAN)])
    reference = save(draw_faces(*small), tmp_path / "reference.png")
    photo = save(draw_faces(*large), tmp_path / "0.png")
    other = save(draw_faces((300, 300), [((150, 150), 120, (200, 125, 95))]), tmp_path / "1.png")
    ann = open_subject(Person("ann", "Ann", tmp_path, None, reference, None, (other, photo)), FakeFaces())
    assert [round(source.face.box.width, -1) for source in ann.sources] == [200, 120]
