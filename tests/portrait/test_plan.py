import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from easyphoto.domain import KEEP, Box, Face, ModelFamily, PortraitRequest, Pose
from easyphoto.errors import BadRequest
from easyphoto.portrait.plan import Widths, assign, moved, pass_seed, plan_faces, region_of, working_size

SIDES = st.integers(20, 6000)


def face(left: float, top: float, width: float, height: float) -> Face:
    points = np.array([[left, top]] * 5, np.float32)
    return Face(Box(left, top, left + width, top + height), points, 1.0, Pose(0, 0, 0))


def test_a_900_by_1200_crop_is_worked_on_at_512_by_672():
    assert working_size((900, 1200), ModelFamily.SD15) == (512, 672)


def test_sdxl_works_on_a_million_pixels():
    assert working_size((900, 1200), ModelFamily.SDXL) == (864, 1152)


@given(SIDES, SIDES)
def test_working_sides_are_multiples_of_32_and_never_zero(width: int, height: int):
    for family in ModelFamily:
        size = working_size((width, height), family)
        assert all(side % 32 == 0 and side >= 32 for side in size)


@given(SIDES, SIDES)
def test_the_short_side_is_512_but_for_sdxl(width: int, height: int):
    assert min(working_size((width, height), ModelFamily.SD15)) == 512


@given(st.floats(-100, 900), st.floats(-100, 900), st.floats(10, 400), st.floats(10, 400))
def test_the_region_lies_in_the_picture_and_holds_the_visible_face(left: float, top: float, w: float, h: float):
    size = (1000, 1000)
    a, b, c, d = region_of(face(left, top, w, h), size, crop=True)
    assert 0 <= a <= c <= 1000
    assert 0 <= b <= d <= 1000
    seen = Box(left, top, left + w, top + h).clipped(size)
    assert a <= seen.left
    assert c >= min(seen.right, 1000)


def test_without_crop_the_region_is_the_picture():
    assert region_of(face(5, 5, 10, 10), (300, 200), crop=False) == (0, 0, 300, 200)


def test_faces_get_persons_from_left_to_right_and_kept_ones_are_left():
    faces = [face(0, 0, 10, 10), face(50, 0, 10, 10), face(90, 0, 10, 10)]
    pairs = assign((KEEP, "ann", "bob"), faces)
    assert [(person, f.box.left) for person, f in pairs] == [("ann", 50), ("bob", 90)]


def test_more_persons_than_faces_is_refused_with_both_numbers():
    with pytest.raises(BadRequest, match=r"2 persons.*1 faces"):
        assign(("ann", "bob"), [face(0, 0, 10, 10)])


def test_no_person_at_all_is_refused():
    with pytest.raises(BadRequest, match="No face"):
        assign((KEEP,), [face(0, 0, 10, 10)])


@given(st.floats(20, 2000), st.floats(1.5, 4))
def test_kernels_grow_with_the_face(width: float, factor: float):
    small, big = Widths.of(width), Widths.of(width * factor)
    assert big.ring_out == pytest.approx(small.ring_out * factor)
    assert big.feather > small.feather > 0


def test_the_kernels_are_the_originals_at_its_usual_face_of_170_px():
    widths = Widths.of(170)
    assert widths.ring_out == pytest.approx(32, abs=0.5)
    assert widths.ring_in == pytest.approx(16, abs=0.5)
    assert widths.mask_grow == pytest.approx(17)


@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(0.2, 4), st.floats(0.2, 4))
def test_moving_a_face_moves_its_box_and_points_alike(dx: float, dy: float, sx: float, sy: float):
    result = moved(face(100, 120, 60, 80), dx, dy, (sx, sy))
    assert result.box.left == pytest.approx((100 - dx) * sx)
    assert result.box.bottom == pytest.approx((200 - dy) * sy)
    np.testing.assert_allclose(result.points[0], [(100 - dx) * sx, (120 - dy) * sy], rtol=1e-4, atol=1e-3)


def test_every_pass_of_every_face_has_a_seed_of_its_own():
    seeds = {pass_seed(5, face, turn) for face in range(5) for turn in (1, 2)}
    assert len(seeds) == 10


def test_one_plan_a_person():
    request = PortraitRequest(persons=(KEEP, "ann"))
    plans = plan_faces(request, [face(0, 0, 50, 60), face(200, 50, 50, 60)], (400, 300), ModelFamily.SD15)
    assert [p.person for p in plans] == ["ann"]
    assert plans[0].region == (150, 0, 300, 170)
