"""Poses, warps and regions of a face."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builtin_model.mesh_indices import OVAL
from easyphoto.domain import Pose
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.face_shape import between, posed, rim_distance
from easyphoto.faces.fusion.mesh_warp import warp_face
from easyphoto.faces.fusion.thin_plate import ThinPlate, grid, spread
from easyphoto.faces.geometry import rotation_of


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


def test_regions_lie_inside_one_another(person):
    plane = BlendMask(person.face.mesh, (512, 512))
    oval, region = plane.polygon(OVAL), plane.region(0.6, 0.03)
    assert region.sum() < oval.sum()
    assert (region * (1 - oval)).sum() < 0.02 * region.sum()
    assert plane.cheeks().sum() < 0.5 * region.sum()
