"""A person's tone over their photos, the visible skin of a picture, and skin brought to another tone."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from easyphoto.domain import Face
from easyphoto.faces.builtin.face_parsing import hull, paint
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.skin_mask import visible_skin
from easyphoto.faces.fusion.skin_tone import in_light_of, retoned
from easyphoto.faces.skin_locus import lab_to_lch, lch_to_lab, plausible, usual_tone
from easyphoto.images import adapted, lab_to_rgb, rgb_to_lab
from easyphoto.images.color import linear_to_srgb, srgb_to_linear
from easyphoto.paths import Paths

LIGHT, DARK = lch_to_lab(70, 22, 54), lch_to_lab(38, 26, 52)


def flat(tone: np.ndarray, size: int = 60) -> np.ndarray:
    return np.tile(lab_to_rgb(tone[None]), (size, size, 1))


def lightness(picture: np.ndarray) -> np.ndarray:
    return rgb_to_lab(picture)[..., 0]


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> BuiltinToolbox:
    return BuiltinToolbox(Paths(tmp_path_factory.mktemp("data")))


@pytest.fixture
def woman(astronaut: Path) -> np.ndarray:
    return np.asarray(Image.open(astronaut).convert("RGB"))


def test_one_flash_and_one_dark_room_do_not_move_the_usual_tone():
    tones = [lch_to_lab(55, 20, 55)] * 3
    assert np.allclose(usual_tone([*tones, lch_to_lab(95, 3, 90), lch_to_lab(4, 2, 10)]), tones[0], atol=0.01)
    assert usual_tone([]) is None


def test_a_violet_photo_gives_a_tone_of_skin():
    lightness, chroma, hue = lab_to_lch(plausible(lch_to_lab(60, 22, -10)))
    assert (lightness, round(chroma), round(hue)) == (60, 22, 50)


def test_a_white_balance_moves_skin_to_its_color_and_keeps_its_lightness():
    violet, goal = lch_to_lab(60, 18, 5), lch_to_lab(60, 18, 50)
    result = rgb_to_lab(adapted(flat(violet), violet, goal)).mean((0, 1))
    assert np.abs(result - goal).max() < 2


@pytest.mark.parametrize(("own", "wanted"), [(LIGHT, DARK), (DARK, LIGHT)])
def test_skin_takes_the_tone_and_the_rest_stays(own: np.ndarray, wanted: np.ndarray):
    picture, share = flat(own), np.zeros((60, 60), np.float32)
    share[:, :30] = 1
    result = retoned(picture, share, (own, wanted), 1)
    assert np.abs(rgb_to_lab(result)[20:40, 5:25].mean((0, 1)) - wanted).max() < 2.5
    assert (result[:, 30:] == picture[:, 30:]).all()


@pytest.mark.parametrize(("own", "wanted"), [(LIGHT, DARK), (DARK, LIGHT)])
def test_light_and_shade_keep_their_order_and_shadows_stay_dark(own: np.ndarray, wanted: np.ndarray):
    steps = np.linspace(0.25, 1.5, 6)
    tones = np.stack([[own[0] * step, own[1] * step, own[2] * step] for step in steps]).astype(np.float32)
    picture = np.repeat(np.repeat(lab_to_rgb(tones)[None], 20, 1), 20, 0)
    result = lightness(retoned(picture, np.ones(picture.shape[:2], np.float32), (own, wanted), 1))[10, 10::20]
    assert (np.diff(result) > 2).all()
    assert result[0] < 0.6 * wanted[0]


def test_shine_on_darkened_skin_stays_the_brightest_and_is_not_gray():
    picture = flat(LIGHT)
    picture[20:40, 20:40] = lab_to_rgb(lch_to_lab(88, 9, 60)[None])
    result = rgb_to_lab(retoned(picture, np.ones((60, 60), np.float32), (LIGHT, DARK), 1))
    shine, skin = result[30, 30], result[5, 5]
    assert 5 < shine[0] - skin[0] < 30
    assert lab_to_lch(shine)[1] > 10


def test_shine_of_a_black_and_white_portrait_stays_the_brightest():
    picture = np.full((60, 60, 3), 170, np.uint8)
    picture[20:40, 20:40] = 235
    own, wanted = np.array([70, 0.2, 0.3], np.float32), np.array([60, 0.2, 0.3], np.float32)
    light = lightness(retoned(picture, np.ones((60, 60), np.float32), (own, wanted), 1.0))
    assert light[30, 30] > light[5, 5] + 10


def test_shine_on_lightened_skin_leaves_no_dark_patch():
    sheen = np.linspace(0, 0.12, 60, dtype=np.float32)[None, :, None]
    light = srgb_to_linear(flat(DARK)) + sheen
    result = lightness(retoned(linear_to_srgb(light), np.ones((60, 60), np.float32), (DARK, LIGHT), 1))[30]
    assert (np.diff(result[3:-3:6]) > 0).all()


def test_fine_texture_keeps_its_relative_contrast():
    rng = np.random.default_rng(0)
    picture = np.clip(flat(LIGHT) + rng.integers(-9, 10, (60, 60, 1)), 0, 255).astype(np.uint8)
    result = retoned(picture, np.ones((60, 60), np.float32), (LIGHT, DARK), 3)
    before, after = (lightness(p)[10:50, 10:50] for p in (picture, result))
    assert 0.5 < (after.std() / after.mean()) / (before.std() / before.mean()) < 1.6


def test_lightened_skin_is_smoother_since_pores_shine():
    rng = np.random.default_rng(0)
    picture = np.clip(flat(DARK) + rng.integers(-12, 13, (60, 60, 1)), 0, 255).astype(np.uint8)
    result = retoned(picture, np.ones((60, 60), np.float32), (DARK, LIGHT), 3)
    before, after = (lightness(p)[10:50, 10:50] for p in (picture, result))
    assert 0.2 < (after.std() / after.mean()) / (before.std() / before.mean()) < 0.7


def test_a_bright_wall_leaves_no_dark_rim_on_lightened_skin():
    picture, share = flat(DARK), np.zeros((60, 60), np.float32)
    picture[:50, 30:], share[:, :30], share[50:] = 235, 1, 1
    result = lightness(retoned(picture, share, (DARK, LIGHT), 4))[30]
    assert result[28] > LIGHT[0] - 5
    assert result[5] == pytest.approx(result[28], abs=3)


def test_ears_are_skin_and_hair_beside_a_face_is_none(toolbox: BuiltinToolbox):
    for name, places, skin in (
        ("autumn", ((650, 450), (325, 500)), True),
        ("red-wall", ((250, 500), (680, 500)), False),
    ):
        picture, face = shipped(toolbox, name)
        share = visible_skin(picture, face, toolbox.regions(picture, face), toolbox.matte(picture))
        for x, y in places:
            assert (share[y - 4 : y + 5, x - 4 : x + 5].mean() > 0.3) == skin, (name, x, y)


def shipped(toolbox: BuiltinToolbox, name: str) -> tuple[np.ndarray, Face]:
    file = Path(__file__).resolve().parents[2] / "models" / "templates" / f"{name}.jpg"
    picture = np.asarray(Image.open(file).convert("RGB"))
    return picture, toolbox.detect(picture)[0]


def test_the_collars_reflex_under_a_chin_is_skin(toolbox: BuiltinToolbox):
    picture, face = shipped(toolbox, "navy-suit")
    share = visible_skin(picture, face, toolbox.regions(picture, face), toolbox.matte(picture))
    box = face.box.scaled(1.5)
    x, y = round(box.left + 0.654 * box.width), round(box.top + 0.838 * box.height)
    assert share[y - 5 : y + 6, x - 5 : x + 6].mean() > 0.6


def test_skin_between_the_hairs_of_the_brows_takes_the_tone(toolbox: BuiltinToolbox):
    picture, face = shipped(toolbox, "headwrap")
    brows = toolbox.regions(picture, face).brows > 200
    before, after = (rgb_to_lab(one)[brows] for one in (picture, toolbox.retone(picture, face, [], LIGHT)))
    assert np.median(after[:, 0]) > np.median(before[:, 0]) + 10
    assert np.percentile(after[:, 0], 5) < LIGHT[0] - 15  # the hairs stay dark


def test_light_brows_darken_with_the_skin(toolbox: BuiltinToolbox):
    picture, face = shipped(toolbox, "blazer")
    brows = toolbox.regions(picture, face).brows > 200
    after = rgb_to_lab(toolbox.retone(picture, face, [], lch_to_lab(32, 14, 52)))[brows]
    assert np.percentile(after[:, 0], 90) < 45


def test_no_pale_rim_stays_round_brows_and_at_the_hairline(toolbox: BuiltinToolbox):
    picture, face = shipped(toolbox, "red-wall")
    seen = toolbox.regions(picture, face)
    side = 2 * round(0.03 * face.box.width) + 1
    rim = (cv2.dilate(seen.brows, np.ones((side, side), np.uint8)) > 128) & (seen.face > 200) & (seen.eyes < 8)
    after = rgb_to_lab(toolbox.retone(picture, face, [], lch_to_lab(32, 14, 52)))[rim]
    assert np.percentile(after[:, 0], 97) < 45


def test_a_brown_wall_beside_a_neck_stays(toolbox: BuiltinToolbox):
    picture, face = shipped(toolbox, "headwrap")
    toned = toolbox.retone(picture, face, [], LIGHT)
    wall = cv2.erode(255 - toolbox.matte(picture), np.ones((9, 9), np.uint8)) > 250
    assert np.abs(lightness(toned) - lightness(picture))[wall].max() < 3


def test_shine_under_a_dark_hairline_is_skin(toolbox: BuiltinToolbox):
    picture, face = shipped(toolbox, "red-earth")
    share = visible_skin(picture, face, toolbox.regions(picture, face), toolbox.matte(picture))
    x, y = round(face.box.center[0] - 0.12 * face.box.width), round(face.box.top)
    assert share[y - 3 : y + 4, x - 3 : x + 4].mean() > 0.8


def test_a_chest_in_bluish_light_does_not_turn_gray_beside_a_dark_face():
    picture = flat(LIGHT)
    picture[:, 30:] = lab_to_rgb(lch_to_lab(70, 8, 40)[None])
    result = rgb_to_lab(retoned(picture, np.ones((60, 60), np.float32), (LIGHT, DARK), 1))
    face, chest = (lab_to_lch(result[30, x])[1] for x in (10, 50))
    assert chest > 0.85 * face


def test_a_beard_does_not_darken_the_tone(toolbox: BuiltinToolbox, woman: np.ndarray):
    (face,) = toolbox.detect(woman)
    bearded = woman.copy()
    mesh = face.mesh[:, :2]
    jaw = np.array(
        [mesh[i] for i in (234, 132, 58, 172, 136, 150, 149, 152, 378, 379, 365, 397, 288, 361, 454, 425, 2, 205)]
    )
    beard = paint([hull(jaw)], (woman.shape[1], woman.shape[0])) > 127
    beard &= np.arange(len(woman))[:, None] > mesh[2, 1]
    bearded[beard] = (bearded[beard] * 0.4).astype(np.uint8)
    plain, dark = (toolbox.skin_tone(one, face) for one in (woman, bearded))
    assert abs(plain[0] - dark[0]) < 3


def test_very_dark_skin_keeps_its_lightness_and_its_faint_color():
    tone = lch_to_lab(30, 13, 50)
    assert np.allclose(plausible(tone), tone, atol=0.01)


def test_only_the_lightness_moves_in_a_black_and_white_template():
    assert np.allclose(in_light_of(DARK, np.array([70, 1, 2], np.float32))[1:], [1, 2])


def test_light_skin_is_dim_in_a_dim_template():
    assert 40 < in_light_of(LIGHT, lch_to_lab(22, 18, 54))[0] < 60


def test_colored_light_of_the_template_stays_in_part():
    orange = in_light_of(LIGHT, lch_to_lab(60, 45, 62))
    assert lab_to_lch(orange)[1] > lab_to_lch(LIGHT)[1] + 5


def test_visible_skin_is_the_face_without_its_features_hair_and_clothes(toolbox: BuiltinToolbox, woman: np.ndarray):
    (face,) = toolbox.detect(woman)
    regions = toolbox.regions(woman, face)
    share = visible_skin(woman, face, regions, toolbox.matte(woman))
    mesh = face.mesh[:, :2].round().astype(int)
    for cheek in (50, 280, 151):
        assert share[mesh[cheek][1], mesh[cheek][0]] > 0.9
    assert share[regions.eyes > 250].max() < 0.05
    assert share[regions.lips > 250].max() < 0.05
    over = round(face.box.top - 0.25 * face.box.height), round(face.box.center[0])
    assert share[over] < 0.05  # hair
    assert share[-20:, :].mean() < 0.05  # the suit


def test_neighbors_stay_bit_for_bit(toolbox: BuiltinToolbox, woman: np.ndarray):
    pair = np.hstack([woman, woman[:, ::-1]])
    left, right = toolbox.detect(pair)
    result = toolbox.retone(pair, left, [right], DARK)
    half = woman.shape[1]
    assert (result[:, half:] == pair[:, half:]).all()
    assert lightness(result[:, :half])[toolbox.regions(pair, left).skin[:, :half] > 250].mean() < 50


def test_a_face_cheek_to_cheek_stays_bit_for_bit(toolbox: BuiltinToolbox, woman: np.ndarray):
    face = toolbox.detect(woman)[0]
    width = face.box.width
    left, right = round(face.box.left - 0.1 * width), round(face.box.right - 0.12 * width)  # the second one in front
    pair = np.hstack([woman[:, left:right], woman[:, round(face.box.left) :]])
    one = toolbox.detect(pair)
    result = toolbox.retone(pair, one[0], one[1:], DARK)
    taken = paint([hull(one[1].mesh[:, :2])], pair.shape[1::-1]) > 0
    assert len(one) == 2
    assert (result != pair).any()
    assert (result[taken] == pair[taken]).all()


def test_the_same_picture_gives_the_same_skin(toolbox: BuiltinToolbox, woman: np.ndarray):
    (face,) = toolbox.detect(woman)
    first, second = (toolbox.retone(woman, face, [], DARK) for _ in range(2))
    assert (first == second).all()


def test_a_beige_shirt_under_a_dark_face_is_no_skin(toolbox: BuiltinToolbox):
    file = Path(__file__).resolve().parents[2] / "models" / "templates" / "couple-young.jpg"
    couple = np.asarray(Image.open(file).convert("RGB"))
    woman, man = toolbox.detect(couple)
    result = toolbox.retone(couple, man, [woman], LIGHT)
    height, width = couple.shape[:2]
    shirt = np.s_[round(0.86 * height) : round(0.96 * height), round(0.74 * width) : round(0.8 * width)]
    assert (result[shirt] == couple[shirt]).mean() > 0.98
    face = toolbox.regions(couple, man).skin > 250
    assert lightness(result)[face].mean() > lightness(couple)[face].mean() + 12


@pytest.mark.parametrize("own", [35.0, 55.0, 85.0])
def test_the_persons_lightness_is_aimed_at_however_light_the_template_is(own: float):
    aimed = in_light_of(DARK, lch_to_lab(own, 22, 54))
    assert aimed[0] == pytest.approx(DARK[0], abs=0.1)
