"""Fusion as a whole: likeness, the mask, sizes, poses, sources."""

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
from fusion_world import opened

from easyphoto.domain import Face, Pose
from easyphoto.errors import NoFace
from easyphoto.faces.base import FusionSource, FusionTarget
from easyphoto.faces.fusion.face_crop import CropMargins
from easyphoto.faces.fusion.fit import FAR_POSE
from easyphoto.faces.fusion.fuse import FusionSettings, fuse
from easyphoto.faces.fusion.source_selection import candidates
from easyphoto.faces.geometry import rotation_of


def scaled(template: FusionSource, faces, width: int) -> FusionSource:
    """The template enlarged or shrunk so that its face is `width` pixels wide."""
    ratio = width / template.face.box.width
    kind = cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(template.picture, None, fx=ratio, fy=ratio, interpolation=kind)
    return FusionSource(picture, faces.detect(picture)[0])


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
    fuse(FusionTarget(picture, template.face), [person], faces)
    assert np.array_equal(picture, template.picture)
    assert np.array_equal(mesh, template.face.mesh)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_half_way_is_half_way_in_shape_and_in_likeness(faces, template, person, fused, share):
    """Blending the finished face over the template instead would show two jaws and two mouths."""
    part = fuse(FusionTarget(template.picture, template.face), [person], faces, FusionSettings(share=share))
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
    again = fuse(FusionTarget(template.picture, template.face), [person], faces)
    assert np.array_equal(again.picture, fused.picture)


@pytest.mark.parametrize("width", [60, 170, 600])
def test_any_face_size(faces, template, person, width):
    target = scaled(template, faces, width)
    result = fuse(FusionTarget(target.picture, target.face), [person], faces)
    vector = faces.embed(result.picture, faces.detect(result.picture)[0])
    before = faces.embed(target.picture, target.face)
    assert np.linalg.norm(vector - person.face.embedding) < min(0.55, np.linalg.norm(vector - before))


def test_a_face_larger_than_the_working_height_keeps_sharp_surroundings(faces, template, person):
    small = FusionSettings(room=CropMargins(working_height=160))
    result = fuse(FusionTarget(template.picture, template.face), [person], faces, small)
    plain = fuse(FusionTarget(template.picture, template.face), [person], faces)
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
    result = fuse(FusionTarget(cut, face), [person], faces)
    assert result.picture.shape == cut.shape
    assert result.mask.max() == 255


def with_yaw(face: Face, yaw: float) -> Face:
    middle = face.mesh.mean(0)
    turned = (face.mesh - middle) @ rotation_of(Pose(yaw, 0, 0)).T.astype(np.float32) + middle
    return replace(face, mesh=turned.astype(np.float32), pose=replace(face.pose, yaw=face.pose.yaw + yaw))


def test_a_far_pose_is_noted_and_a_profile_refused(faces, template, person):
    noted = fuse(FusionTarget(template.picture, with_yaw(template.face, FAR_POSE + 3)), [person], faces)
    assert noted.pose_gap > FAR_POSE
    assert noted.notes[0].code == "fusion.note.turned"
    near = fuse(FusionTarget(template.picture, template.face), [person], faces)
    assert not any(note.code == "fusion.note.turned" for note in near.notes)
    with pytest.raises(NoFace, match="pose"):
        fuse(FusionTarget(template.picture, with_yaw(template.face, 70)), [person], faces)


def test_a_source_is_prepared_before_it_is_moved_in(faces, template, person):
    seen = []

    def gray(source: FusionSource) -> FusionSource:
        seen.append(source)
        return replace(source, picture=np.full_like(source.picture, 128))

    plain = fuse(FusionTarget(template.picture, template.face), [person], faces)
    result = fuse(FusionTarget(template.picture, template.face), [person], faces, prepare=gray)
    assert seen == [person]
    assert not np.array_equal(result.picture, plain.picture)
    assert any(note.code == "fusion.note.small-photo" for note in result.notes)  # of the photo as it was given


def test_no_mesh_and_no_source_are_refused(faces, template, person):
    with pytest.raises(NoFace):
        fuse(FusionTarget(template.picture, replace(template.face, mesh=None)), [person], faces)
    with pytest.raises(NoFace):
        fuse(FusionTarget(template.picture, template.face), [], faces)
    with pytest.raises(NoFace):
        fuse(
            FusionTarget(template.picture, template.face),
            [FusionSource(person.picture, replace(person.face, mesh=None))],
            faces,
        )


def test_the_recognizer_keeps_the_nearer_of_two(faces, template, person):
    other_person = opened("templates/garden.jpg")
    other = FusionSource(other_person, faces.detect(other_person)[0])
    result = fuse(FusionTarget(template.picture, template.face), [other, person], faces, FusionSettings(tries=2))
    assert result.source == 1  # only the person's own photo carries an embedding: it is the middle


def test_a_face_takes_under_three_seconds_on_a_busy_machine(faces, template, person):
    start = time.process_time()
    fuse(FusionTarget(template.picture, template.face), [person], faces)
    assert time.process_time() - start < 3


def test_the_blurred_and_the_dark_photo_come_last(template, person):
    soft = FusionSource(cv2.GaussianBlur(person.picture, (0, 0), 4), person.face)
    dark = FusionSource((person.picture * 0.15).astype(np.uint8), person.face)
    order = [choice.index for choice in candidates(template.picture, template.face, [soft, dark, person])]
    assert order[0] == 2
