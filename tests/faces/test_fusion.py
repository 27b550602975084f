import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
import skimage.color
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from builtin_model.mesh_indices import OVAL
from easyphoto.domain import Face, Pose
from easyphoto.errors import NoFace
from easyphoto.faces.base import FusionSource
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.face_crop import CropMargins
from easyphoto.faces.fusion.face_shape import between, posed, rim_distance
from easyphoto.faces.fusion.fit import FAR_POSE
from easyphoto.faces.fusion.fuse import FusionSettings, fuse
from easyphoto.faces.fusion.mesh_warp import warp_face
from easyphoto.faces.fusion.relight import even_toned, relit, skin_share, soft_light, tinted
from easyphoto.faces.fusion.source_selection import candidates
from easyphoto.faces.fusion.thin_plate import ThinPlate, grid, spread
from easyphoto.faces.geometry import rotation_of
from easyphoto.paths import Paths, shipped_models


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return BuiltinToolbox(Paths(tmp_path_factory.mktemp("home")))


def opened(name):
    return np.asarray(Image.open(shipped_models() / name).convert("RGB"))


@pytest.fixture(scope="module")
def person(faces):
    pixels = opened("samples/astronaut.png")
    face = faces.detect(pixels)[0]
    return FusionSource(pixels, replace(face, embedding=faces.embed(pixels, face)))


@pytest.fixture(scope="module")
def template(faces):
    pixels = opened("templates/street.jpg")
    return FusionSource(pixels, faces.detect(pixels)[0])


@pytest.fixture(scope="module")
def fused(faces, template, person):
    return fuse(template.picture, template.face, [person], faces)


def scaled(template: FusionSource, faces, width: int) -> FusionSource:
    """The template enlarged or shrunk so that its face is `width` pixels wide."""
    ratio = width / template.face.box.width
    kind = cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(template.picture, None, fx=ratio, fy=ratio, interpolation=kind)
    return FusionSource(picture, faces.detect(picture)[0])


# ---------------------------------------------------------------- the whole


def test_the_result_is_nearer_to_the_person_than_to_the_template(faces, template, person, fused):
    vector = faces.embed(fused.picture, faces.detect(fused.picture)[0])
    before = faces.embed(template.picture, template.face)
    near, far = np.linalg.norm(vector - person.face.embedding), np.linalg.norm(vector - before)
    assert near < 0.4
    assert near < far


def test_pixels_outside_the_mask_are_the_templates(template, fused):
    outside = fused.mask == 0
    assert fused.mask.shape == template.picture.shape[:2]
    assert 0.3 < outside.mean() < 0.99
    assert np.array_equal(fused.picture[outside], template.picture[outside])
    assert fused.mask.max() == 255


def test_the_arguments_stay_as_they_are(faces, template, person):
    picture, mesh = template.picture.copy(), template.face.mesh.copy()
    fuse(picture, template.face, [person], faces)
    assert np.array_equal(picture, template.picture)
    assert np.array_equal(mesh, template.face.mesh)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_half_way_is_half_way_in_shape_and_in_likeness(faces, template, person, fused, share):
    """Blending the finished face over the template instead would show two jaws and two mouths."""
    part = fuse(template.picture, template.face, [person], faces, FusionSettings(share=share))
    ends = template.face.mesh[:, :2], faces.detect(fused.picture)[0].mesh[:, :2]
    now = faces.detect(part.picture)[0].mesh[:, :2]
    way, height = ends[1] - ends[0], template.face.box.height
    moved = float(((now - ends[0]) * way).sum() / (way**2).sum())
    assert moved == pytest.approx(share, abs=0.2)
    off = np.linalg.norm(now - (ends[0] + moved * way), axis=1)
    assert off.mean() < 0.02 * height
    gaps = [
        np.linalg.norm(faces.embed(p, faces.detect(p)[0]) - person.face.embedding)
        for p in (fused.picture, part.picture, template.picture)
    ]
    assert gaps[0] < gaps[1] < gaps[2]
    outside = part.mask == 0
    assert np.array_equal(part.picture[outside], template.picture[outside])


def test_same_input_same_picture(faces, template, person, fused):
    again = fuse(template.picture, template.face, [person], faces)
    assert np.array_equal(again.picture, fused.picture)


@pytest.mark.parametrize("width", [60, 170, 600])
def test_any_face_size(faces, template, person, width):
    target = scaled(template, faces, width)
    result = fuse(target.picture, target.face, [person], faces)
    vector = faces.embed(result.picture, faces.detect(result.picture)[0])
    before = faces.embed(target.picture, target.face)
    assert np.linalg.norm(vector - person.face.embedding) < min(0.55, np.linalg.norm(vector - before))


def test_a_face_larger_than_the_working_height_keeps_sharp_surroundings(faces, template, person):
    small = FusionSettings(room=CropMargins(working_height=160))
    result = fuse(template.picture, template.face, [person], faces, small)
    plain = fuse(template.picture, template.face, [person], faces)
    hair = (result.mask == 1) & (plain.mask == 1)
    assert np.array_equal(result.picture[result.mask == 0], template.picture[result.mask == 0])
    assert np.abs(result.picture[hair].astype(int) - plain.picture[hair]).mean() < 2.5
    vector = faces.embed(result.picture, faces.detect(result.picture)[0])
    assert np.linalg.norm(vector - person.face.embedding) < 0.45


def test_a_face_cut_by_the_picture_edge(faces, template, person):
    box = template.face.box
    left, top = round(box.left + 0.06 * box.width), round(box.top + 0.1 * box.height)
    mesh = template.face.mesh - np.array([left, top, 0], np.float32)
    cut = np.ascontiguousarray(template.picture[top : top + 500, left : left + 500])
    face = replace(template.face, mesh=mesh, box=replace(box, left=0, top=0, right=box.right - left))
    result = fuse(cut, face, [person], faces)
    assert result.picture.shape == cut.shape
    assert result.mask.max() == 255


def with_yaw(face: Face, yaw: float) -> Face:
    middle = face.mesh.mean(0)
    turned = (face.mesh - middle) @ rotation_of(Pose(yaw, 0, 0)).T.astype(np.float32) + middle
    return replace(face, mesh=turned.astype(np.float32), pose=replace(face.pose, yaw=face.pose.yaw + yaw))


def test_a_far_pose_is_noted_and_a_profile_refused(faces, template, person):
    noted = fuse(template.picture, with_yaw(template.face, FAR_POSE + 3), [person], faces)
    assert noted.pose_gap > FAR_POSE
    assert noted.notes[0].code == "fusion.note.turned"
    near = fuse(template.picture, template.face, [person], faces)
    assert not any(note.code == "fusion.note.turned" for note in near.notes)
    with pytest.raises(NoFace, match="pose"):
        fuse(template.picture, with_yaw(template.face, 70), [person], faces)


def test_a_source_is_prepared_before_it_is_moved_in(faces, template, person):
    seen = []

    def gray(source: FusionSource) -> FusionSource:
        seen.append(source)
        return replace(source, picture=np.full_like(source.picture, 128))

    plain = fuse(template.picture, template.face, [person], faces)
    result = fuse(template.picture, template.face, [person], faces, prepare=gray)
    assert seen == [person]
    assert not np.array_equal(result.picture, plain.picture)
    assert any(note.code == "fusion.note.small-photo" for note in result.notes)  # of the photo as it was given


def test_no_mesh_and_no_source_are_refused(faces, template, person):
    with pytest.raises(NoFace):
        fuse(template.picture, replace(template.face, mesh=None), [person], faces)
    with pytest.raises(NoFace):
        fuse(template.picture, template.face, [], faces)
    with pytest.raises(NoFace):
        fuse(template.picture, template.face, [FusionSource(person.picture, replace(person.face, mesh=None))], faces)


def test_the_recognizer_keeps_the_nearer_of_two(faces, template, person):
    other_person = opened("templates/garden.jpg")
    other = FusionSource(other_person, faces.detect(other_person)[0])
    result = fuse(template.picture, template.face, [other, person], faces, FusionSettings(tries=2))
    assert result.source == 1  # only the person's own photo carries an embedding: it is the middle


def test_a_face_takes_under_three_seconds_on_a_busy_machine(faces, template, person):
    start = time.process_time()
    fuse(template.picture, template.face, [person], faces)
    assert time.process_time() - start < 3


# ---------------------------------------------------------------- sources


def test_the_blurred_and_the_dark_photo_come_last(template, person):
    soft = FusionSource(cv2.GaussianBlur(person.picture, (0, 0), 4), person.face)
    dark = FusionSource((person.picture * 0.15).astype(np.uint8), person.face)
    order = [choice.index for choice in candidates(template.picture, template.face, [soft, dark, person])]
    assert order[0] == 2


# ---------------------------------------------------------------- parts


@settings(max_examples=30, deadline=None)
@given(yaw=st.floats(-25, 25), pitch=st.floats(-20, 20), roll=st.floats(-40, 40), scale=st.floats(0.2, 5))
def test_a_turned_head_is_brought_back(person, yaw, pitch, roll, scale):
    mesh = person.face.mesh
    turned = scale * mesh @ rotation_of(Pose(yaw, pitch, roll)).T.astype(np.float32) + np.float32(17)
    assert np.allclose(posed(turned.astype(np.float32), mesh), mesh, atol=0.05)


def test_between_ends(template, person):
    own = posed(person.face.mesh, template.face.mesh)
    assert np.allclose(between(template.face.mesh, own, 0, 0), template.face.mesh)
    assert np.allclose(between(template.face.mesh, own, 1, 1), own, atol=1e-3)


def test_the_rim_is_the_oval(person):
    distance = rim_distance(person.face.mesh)
    assert np.allclose(distance[list(OVAL)], 0, atol=1e-4)
    assert distance[1] > 0.2  # the nose's tip


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), turn=st.floats(-0.5, 0.5), shift=st.floats(-50, 50))
def test_a_thin_plate_through_a_plain_map_is_that_map(seed, turn, shift):
    points = np.random.default_rng(seed).uniform(0, 100, (12, 2)).astype(np.float32)
    matrix = np.array([[1.2, turn], [-turn, 0.8]], np.float32)
    plate = ThinPlate(points, points @ matrix.T + np.float32(shift), 0.0)
    elsewhere = np.random.default_rng(seed + 1).uniform(0, 100, (20, 2)).astype(np.float32)
    assert np.allclose(plate(elsewhere), elsewhere @ matrix.T + shift, atol=0.1)


def test_a_thin_plate_goes_through_its_pairs():
    rng = np.random.default_rng(3)
    start = rng.uniform(0, 100, (30, 2)).astype(np.float32)
    goal = (start + rng.normal(0, 3, (30, 2))).astype(np.float32)
    assert np.allclose(ThinPlate(start, goal, 0.0)(start), goal, atol=0.05)
    with pytest.raises(ValueError, match="line"):
        ThinPlate(np.array([[0, 0], [1, 1], [2, 2], [3, 3]], np.float32), goal[:4])


def test_a_field_agrees_with_its_map():
    rng = np.random.default_rng(4)
    start = rng.uniform(0, 60, (12, 2)).astype(np.float32)
    plate = ThinPlate(start, start + rng.normal(0, 1, start.shape).astype(np.float32))
    field = plate.field((60, 50), 2)
    assert field.shape == (50, 60, 2)
    assert np.allclose(field.reshape(-1, 2), plate(grid(60, range(50)).reshape(-1, 2)), atol=0.1)


@settings(max_examples=30, deadline=None)
@given(count=st.integers(2, 60), cells=st.integers(2, 20))
def test_spreading_keeps_straight_lines(count, cells):
    line = np.linspace(-3, 5, cells, dtype=np.float32)
    assert np.allclose(spread(count, cells) @ line, np.linspace(-3, 5, count), atol=1e-4)


def test_bending_onto_itself_changes_nothing_that_shows(person):
    bent, touched = warp_face(person.picture, person.face.mesh, person.face.mesh, 1.7)
    assert np.abs(bent.astype(int) - person.picture).max() <= 2
    assert touched.any()
    assert not touched.all()


tones = st.floats(3, 252)


@settings(max_examples=60, deadline=None)
@given(own=tones, theirs=tones, pixel=tones)
def test_relighting_is_bounded_and_keeps_black_and_white(own, theirs, pixel):
    def flat(value):
        return np.full((1, 1, 3), value, np.float32)

    moved = float(relit(flat(pixel), flat(own), flat(theirs), 9.0)[0, 0, 0])
    assert 0 <= moved <= 255
    assert (moved >= pixel - 0.1) if theirs >= own else (moved <= pixel + 0.1)
    assert relit(flat(own), flat(own), flat(theirs), 9.0)[0, 0, 0] == pytest.approx(theirs, abs=2)
    assert relit(flat(0), flat(own), flat(theirs), 9.0)[0, 0, 0] == 0
    assert relit(flat(255), flat(own), flat(max(own, theirs)), 9.0)[0, 0, 0] == pytest.approx(255, abs=0.1)
    assert relit(flat(pixel), flat(own), flat(theirs), 0.0)[0, 0, 0] == pytest.approx(pixel, abs=0.1)


def flat_picture(*rgb):
    return np.full((4, 4, 3), rgb, np.float32)


def test_skin_takes_the_others_color_and_whites_stay_white():
    own, theirs = flat_picture(120, 80, 60), flat_picture(225, 185, 170)
    lit = relit(own, own, theirs, 3.0)
    assert np.allclose(tinted(lit, own, own, theirs), theirs, atol=4)
    teeth = flat_picture(235, 235, 235)
    assert np.ptp(tinted(teeth, teeth, own, theirs)[0, 0]) < 12


def test_lips_stay_redder_than_skin():
    own, theirs, lips = flat_picture(200, 150, 130), flat_picture(120, 80, 60), flat_picture(190, 80, 90)
    red = tinted(relit(lips, own, theirs, 3.0), lips, own, theirs)[0, 0]
    assert red[0] / red[1] > theirs[0, 0, 0] / theirs[0, 0, 1]


def test_pink_lids_of_a_yellow_photo_do_not_turn_violet_and_blue_eyes_stay_blue():
    own, theirs = flat_picture(225, 170, 110), flat_picture(200, 170, 158)
    lab = skimage.color.rgb2lab(tinted(flat_picture(205, 140, 130), flat_picture(205, 140, 130), own, theirs) / 255)
    assert lab[0, 0, 1] > 5 and lab[0, 0, 2] > 1
    eye = flat_picture(90, 105, 130)
    blue = tinted(eye, eye, own, theirs)[0, 0]
    assert blue[2] > blue[1] + 4


def test_patches_of_color_are_smoothed_and_lightness_is_not():
    patchy = np.full((40, 40, 3), (200, 150, 130), np.float32)
    patchy[10:14, 10:14] = (200, 160, 90)
    even = even_toned(patchy, np.ones((40, 40), np.float32), 10)
    assert np.abs(even[12, 12] - even[30, 30])[2] < 0.7 * 40
    assert np.allclose(even_toned(patchy, np.zeros((40, 40), np.float32), 10), patchy, atol=0.5)


def test_a_black_and_white_template_stays_black_and_white(faces, template, person):
    gray = np.repeat(cv2.cvtColor(template.picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    result = fuse(gray, template.face, [person], faces)
    assert np.ptp(result.picture.astype(int), axis=2).max() <= 6


def test_soft_light_of_a_flat_picture_is_flat():
    picture = np.full((60, 40, 3), (200, 150, 120), np.float32)
    weight = np.zeros((60, 40), np.float32)
    weight[20:30, 10:20] = 1
    assert np.allclose(soft_light(picture, weight, 8), picture, atol=1)


def test_skin_is_told_from_hair():
    rng = np.random.default_rng(0)
    picture = np.full((120, 120, 3), (205, 160, 140), np.float32) + rng.normal(0, 2, (120, 120, 1)).astype(np.float32)
    picture[:, 80:] = (60, 40, 30)
    certain = np.zeros((120, 120), np.float32)
    certain[30:90, 10:60] = 1
    share = skin_share(picture, certain, 100)
    assert share[:, :70].mean() > 0.9
    assert share[:, 86:].mean() < 0.1


def test_regions_lie_inside_one_another(person):
    plane = BlendMask(person.face.mesh, (512, 512))
    oval, region = plane.polygon(OVAL), plane.region(0.6, 0.03)
    assert region.sum() < oval.sum()
    assert (region * (1 - oval)).sum() < 0.02 * region.sum()
    assert plane.cheeks().sum() < 0.5 * region.sum()
