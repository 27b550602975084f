"""What the template wears: glasses stay whole, dark ones and beards are said; parts seen obliquely are left out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from builtin_model.mesh_indices import BROWS, EYES, INNER_MOUTH, OVAL
from easyphoto.faces.base import FusionSource, FusionTarget
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.blend_mask import BlendMask, blend_region
from easyphoto.faces.fusion.fit import notes_on_wear
from easyphoto.faces.fusion.fuse import fuse
from easyphoto.faces.fusion.glasses import connected, glasses_of, without_frame
from easyphoto.faces.fusion.glasses_and_beard import worn_in
from easyphoto.faces.fusion.mouth import with_teeth_of
from easyphoto.faces.fusion.oblique import directly_seen
from easyphoto.faces.fusion.relight import clean_teeth, skin_share
from easyphoto.faces.fusion.stubble import is_stubbly, shaved
from easyphoto.faces.fusion.texture import fine_texture
from easyphoto.faces.fusion.thin_plate import grid
from easyphoto.faces.wear import Glasses, Wear
from easyphoto.paths import Paths, shipped_models

FRAME = (24, 20, 22)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return BuiltinToolbox(Paths(tmp_path_factory.mktemp("home")))


def read(name: str, faces) -> FusionSource:
    pixels = np.asarray(Image.open(shipped_models() / name).convert("RGB"))
    return FusionSource(pixels, faces.detect(pixels)[0])


@pytest.fixture(scope="module")
def template(faces):
    return read("templates/studio-white.jpg", faces)


@pytest.fixture(scope="module")
def person(faces):
    return read("samples/astronaut.png", faces)


def with_glasses(one: FusionSource, dark: bool = False) -> FusionSource:
    """Round glasses drawn on the face; its mesh is kept."""
    picture, mesh, height = one.picture.copy(), one.face.mesh, one.face.box.height
    middles = [mesh[list(eye), :2].mean(0) + np.array([0, 0.02 * height]) for eye in EYES]
    radius, thick = round(0.115 * height), max(2, round(0.022 * height))
    for x, y in middles:
        cv2.circle(picture, (round(float(x)), round(float(y))), radius, FRAME, -1 if dark else thick, cv2.LINE_AA)
    left, right = sorted(middles, key=lambda point: float(point[0]))
    ends = [(round(float(x + side * radius)), round(float(y))) for (x, y), side in ((left, 1), (right, -1))]
    cv2.line(picture, ends[0], ends[1], FRAME, 2 * thick, cv2.LINE_AA)
    return FusionSource(picture, one.face)


def seen(one: FusionSource) -> tuple[BlendMask, Glasses]:
    plane = BlendMask(one.face.mesh, (one.picture.shape[1], one.picture.shape[0]))
    picture = one.picture.astype(np.float32)
    return plane, glasses_of(plane, picture, skin_share(picture, plane.cheeks(), plane.height))


def test_a_bare_face_wears_no_glasses(template, person):
    for one in (template, person):
        _, glasses = seen(one)
        assert not glasses.worn
        assert glasses.mask.max() == 0


def test_a_frame_is_found_whole_and_alone(template):
    drawn = with_glasses(template)
    plane, glasses = seen(drawn)
    frame = (drawn.picture != template.picture).any(-1) & (plane.grow(plane.around(*EYES), 0.03) < 0.5)
    assert glasses.worn
    assert not glasses.dark
    assert (glasses.mask[frame] > 0.5).mean() > 0.85
    assert (glasses.mask > 0.5).sum() < 2.2 * frame.sum()


@pytest.mark.parametrize("name", ["tie", "headwrap"])
def test_creases_of_old_faces_are_no_frame_in_light_skin_either(faces, name):
    old = read(f"templates/{name}.jpg", faces)
    light = faces.retone(old.picture, old.face, [], np.array([70, 11, 17], np.float32))
    assert not seen(FusionSource(light, old.face))[1].worn


def test_the_templates_frame_stays_in_the_portrait(faces, template, person):
    drawn = with_glasses(template)
    result = fuse(FusionTarget(drawn.picture, drawn.face), [person], faces)
    again = max(faces.detect(result.picture), key=lambda one: one.box.overlap(drawn.face.box))
    kept = seen(FusionSource(result.picture, again))[1].mask > 0.5
    frame = seen(drawn)[1].mask > 0.5
    assert kept.sum() > 0.6 * frame.sum()
    assert np.median(result.picture[kept].mean(-1)) < 60


def test_the_shadow_of_the_nose_is_no_part_of_a_frame_that_it_touches(template):
    drawn, plane = with_glasses(template), plane_of(template)
    ends = [tuple(round(float(value)) for value in plane.mesh[index, :2]) for index in (6, 48)]
    cv2.line(drawn.picture, ends[0], ends[1], FRAME, max(2, round(0.015 * plane.height)), cv2.LINE_AA)
    glasses = seen(drawn)[1]
    assert glasses.worn
    assert glasses.mask[plane.grow(plane.around((98, 97, 2, 326, 327, 48, 278)), 0.02) > 0.5].max() < 0.1


def test_a_frame_that_retoning_has_hidden_is_kept_as_the_untouched_template_wore_it(faces, template, person):
    drawn = with_glasses(template)
    worn = worn_in(drawn.picture, drawn.face.mesh)
    light, frame = drawn.picture.copy(), worn.glasses.mask > 0.5
    light[frame] = (150, 235, 150)  # no darker than skin
    assert not worn_in(light, drawn.face.mesh).glasses.worn

    def green(wear: Wear | None) -> int:
        pixels = fuse(FusionTarget(light, drawn.face, wear), [person], faces).picture.astype(int)
        return int((pixels[..., 1] - pixels[..., 0] > 50).sum())

    assert green(worn) > 0.8 * frame.sum()
    assert green(None) < 0.5 * frame.sum()


def test_what_hangs_together_through_a_weaker_line_is_one_frame():
    strong, weaker, seed = (np.zeros((5, 12), bool) for _ in range(3))
    strong[2, :4] = strong[2, 6:9] = strong[2, 11] = True  # a bridge, a rim, something else
    weaker[2, 4:6] = seed[2, 0] = True
    assert connected(strong, strong | weaker, seed)[2].tolist() == [True] * 4 + [False] * 2 + [True] * 3 + [False] * 3


def test_two_pairs_of_glasses_do_not_show_on_one_face(faces, template, person):
    photo = with_glasses(person)
    plane, glasses = seen(photo)
    bare = without_frame(photo.picture, glasses.mask, plane.height)
    assert not seen(FusionSource(bare, photo.face))[1].worn
    frame = glasses.mask > 0.5
    assert np.median(bare[frame].mean(-1)) > np.median(photo.picture[frame].mean(-1)) + 40
    away = plane.grow(glasses.mask, 0.03) < 0.01
    assert (bare[away] == photo.picture[away]).all()
    drawn = with_glasses(template)
    one, two = (
        fuse(FusionTarget(drawn.picture, drawn.face), [source], faces).picture.astype(int) for source in (person, photo)
    )
    assert np.abs(one - two)[plane_of(drawn).skin_field() > 0.5].mean() < 3


def plane_of(one: FusionSource) -> BlendMask:
    return BlendMask(one.face.mesh, (one.picture.shape[1], one.picture.shape[0]))


def test_where_a_fringe_hides_the_brows_they_and_the_forehead_are_the_templates(template):
    plane = plane_of(template)
    brows = np.maximum(*(plane.around(brow) for brow in BROWS))
    skin = plane.polygon(OVAL)
    hidden = skin * plane.along(plane.mesh[[33, 133, 263, 362], :2].mean(0) - np.array([0, 0.04 * plane.height]), 0.02)
    assert np.median(blend_region(plane, skin, skin)[brows > 0.9]) > 0.9
    masked = blend_region(plane, hidden, skin)
    assert np.percentile(masked[brows > 0.9], 95) < 0.1
    assert masked[np.maximum(*(plane.polygon(eye) for eye in EYES)) > 0.9].min() > 0.6


def test_a_brow_that_the_templates_fringe_hides_is_the_persons_where_it_can_be_seen(template):
    """The person's own fringe is thin; the template's hangs over one brow."""
    plane = plane_of(template)
    brows, skin = [plane.around(brow) for brow in BROWS], plane.polygon(OVAL)
    thin = skin * np.maximum(0.46, plane.along(plane.mesh[[33, 133, 263, 362], :2].mean(0), 0.02))
    fringe = plane.along(plane.mesh[[33, 133], :2].mean(0) - np.array([0, 0.04 * plane.height]), 0.02)
    fringe[:, round(float(plane.mesh[6, 0])) :] = 1  # over the left brow only
    masked = blend_region(plane, thin, skin * fringe)
    assert all(np.median(masked[brow > 0.9]) > 0.8 for brow in brows)


def test_a_strand_of_the_templates_hair_over_the_cheek_stays_before_the_person(template):
    plane = plane_of(template)
    skin, strand = plane.polygon(OVAL), np.zeros(template.picture.shape[:2], np.float32)
    x = round(float(plane.mesh[[50, 101, 118], 0].mean()))
    strand[:, x - round(0.04 * plane.height) : x + round(0.04 * plane.height)] = 1
    cheek = (plane.around((50, 101, 118, 205)) > 0.9) & (plane.grow(strand, -0.02) > 0.9)
    assert cheek.sum() > 20
    free, hidden = (float(np.median(blend_region(plane, skin, one)[cheek])) for one in (skin, skin * (1 - strand)))
    assert free > 0.9
    assert hidden < 0.5 * free


def test_dark_glasses_stay_with_their_lenses_and_are_said(faces, template, person):
    drawn = with_glasses(template, dark=True)
    plane, glasses = seen(drawn)
    eyes = np.maximum(*(plane.polygon(eye) for eye in EYES)) > 0.5
    assert glasses.dark
    assert (glasses.mask[eyes] > 0.9).mean() > 0.9
    result = fuse(FusionTarget(drawn.picture, drawn.face), [person], faces)
    assert any("dark glasses" in str(note) for note in result.notes)


def test_what_does_not_go_together_is_said_in_both_languages():
    none = np.zeros((1, 1), np.float32)
    bare, clear, dark = (Glasses(none, worn, dark) for worn, dark in ((False, False), (True, False), (True, True)))
    plain, bearded = Wear(bare, bearded=False), Wear(bare, bearded=True)
    assert notes_on_wear(plain, plain) == notes_on_wear(bearded, bearded) == notes_on_wear(bearded, plain) == ()
    assert notes_on_wear(plain, Wear(clear, bearded=False)) == ()
    said = [
        *notes_on_wear(Wear(clear, bearded=False), Wear(clear, bearded=False)),
        *notes_on_wear(plain, Wear(dark, bearded=False)),
        *notes_on_wear(plain, bearded),
    ]
    assert len(said) == 3
    assert all(note.text("zh") != note.text() for note in said)


@pytest.mark.parametrize(
    ("name", "stubbly"), [("polo", True), ("plain-wall", False), ("tie", False), ("couple-young", False)]
)
def test_stubble_is_told_from_shade_folds_and_beards(faces, name, stubbly):
    pixels = np.asarray(Image.open(shipped_models() / f"templates/{name}.jpg").convert("RGB"))
    for face in faces.detect(pixels):
        plane = BlendMask(face.mesh, (pixels.shape[1], pixels.shape[0]))
        assert is_stubbly(plane, pixels.astype(np.float32)) == stubbly


@pytest.mark.parametrize("name", ["autumn", "navy-suit"])
def test_shadow_on_a_chin_is_no_beard(faces, name):
    shown = read(f"templates/{name}.jpg", faces)
    assert not worn_in(shown.picture, shown.face.mesh).bearded


def test_a_chin_covered_by_hair_is_a_beard(template):
    drawn, plane = template.picture.copy(), plane_of(template)
    chin = plane.grow(plane.around((32, 152, 262, 200)), 0.03) > 0.5
    drawn[chin] = np.random.default_rng(1).integers(15, 70, (int(chin.sum()), 1))
    assert worn_in(drawn, template.face.mesh).bearded


def test_a_shaven_person_has_no_rim_of_the_templates_stubble(faces, person):
    polo = read("templates/polo.jpg", faces)
    result = fuse(FusionTarget(polo.picture, polo.face), [person], faces)
    plane = BlendMask(polo.face.mesh, (polo.picture.shape[1], polo.picture.shape[0]))
    rim = (
        (plane.polygon(OVAL) > 0.5) & (plane.grow(plane.polygon(OVAL), -0.04) < 0.5) & (plane.below_mouth_line() > 0.9)
    )
    rim &= plane.along(plane.mesh[[61, 291], :2].mean(0), 0.05) > 0.5
    cheeks = plane.cheeks() > 0.5
    before, after = (
        float(np.median(one[rim].mean(-1)) / np.median(one[cheeks].mean(-1))) for one in (polo.picture, result.picture)
    )
    assert before < 0.65
    assert after > 0.75
    assert (result.picture[result.mask == 0] == polo.picture[result.mask == 0]).all()


def test_a_shaven_neck_is_skin_and_the_collar_stays(faces):
    polo = read("templates/polo.jpg", faces)
    plane = plane_of(polo)
    result, share = shaved(plane, polo.picture)
    chin, step = plane.mesh[152, :2], 0.06 * plane.height
    neck = (slice(round(float(chin[1] + step)), round(float(chin[1] + 2 * step))), round(float(chin[0])))
    assert result[neck].mean() > 1.25 * polo.picture[neck].mean()
    rim = (plane.polygon(OVAL) > 0.5) & (plane.grow(plane.polygon(OVAL), -0.06) < 0.5)
    rim &= plane.along(plane.mesh[[61, 291], :2].mean(0), 0.05) > 0.9
    before, after = (
        np.abs(fine_texture(one.astype(np.float32), plane.height)[0])[rim] for one in (polo.picture, result)
    )
    assert np.percentile(after, 98) < 0.09 * np.percentile(before, 98)  # no specks of lit skin between shaved hairs
    blue = (polo.picture[..., 2].astype(int) > polo.picture[..., 0] + 20) & (share > 0.5)
    assert blue.sum() < 0.01 * (share > 0.5).sum()
    assert (result[share == 0] == polo.picture[share == 0]).all()


def test_teeth_that_are_the_templates_lose_its_colored_light(template):
    plane = plane_of(template)
    golden = np.full_like(template.picture, (230, 190, 110))
    inside = plane.grow(plane.polygon(INNER_MOUTH), -0.01) > 0.9
    teeth = with_teeth_of(template.picture, golden, plane)[inside]
    assert cv2.cvtColor(teeth[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 2].max() < 13


def test_teeth_of_a_yellow_photo_are_neither_green_nor_yellow_and_gums_stay():
    colors = np.array([[150, 170, 110], [190, 180, 120], [180, 90, 95]], np.float32)  # green, yellow, gums
    lab = cv2.cvtColor(clean_teeth(np.tile(colors, (4, 1, 1)), np.ones((4, 3), np.float32)) / 255, cv2.COLOR_RGB2LAB)
    assert (lab[:, :2, 1] > -1).all()
    assert (lab[:, :2, 2] < 12).all()
    assert (lab[:, 2, 1] > 30).all()


def test_a_smeared_cheek_is_left_out_and_features_never(template):
    plane, _ = seen(template)
    field = grid(plane.size[0], range(plane.size[1])).astype(np.float32)
    assert directly_seen(field, plane).min() > 0.99
    x = template.face.mesh[454, 0] - 0.03 * plane.height  # beyond it the photo shows hardly anything
    squeezed = field.copy()
    squeezed[..., 0] = np.where(field[..., 0] > x, x + 0.1 * (field[..., 0] - x), field[..., 0])
    share, row = directly_seen(squeezed, plane), round(float(template.face.mesh[454, 1]))
    assert share[row, round(x + 0.06 * plane.height)] < 0.1
    assert share[row, round(x - 0.1 * plane.height)] > 0.99
    assert share[plane.around(*EYES) > 0.9].min() > 0.9
