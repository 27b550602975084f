"""Verdicts on photos and their reasons; the user's own wins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from prepare_world import ANNA, Toolbox, anna, draw, photo, run

from easyphoto.domain import GOOD_FACE_PX, Face, Photo, Pixels, Pose, Verdict
from easyphoto.errors import NoFace
from easyphoto.images import open_picture, pixels
from easyphoto.locales import message
from easyphoto.progress import silent
from easyphoto.training.prepare import check


def test_no_usable_photo_names_each_with_its_reason(tmp_path: Path):
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    photos = [photo(tmp_path, "empty"), Photo(tmp_path / "broken.jpg", "broken.jpg"), *anna(tmp_path, 1, width=40)]
    with pytest.raises(NoFace) as caught:
        run(photos, tmp_path)
    text = str(caught.value)
    for part in ("empty.png: No face was found.", "broken.jpg: This is not a picture", "anna0.png: The face is only"):
        assert part in text
    assert not (tmp_path / "set").exists()


def test_no_photo_at_all(tmp_path: Path):
    with pytest.raises(NoFace):
        run([], tmp_path)


def test_bad_photos_are_left_out_and_the_rest_goes_on(tmp_path: Path):
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    made = run([Photo(tmp_path / "broken.jpg", "broken.jpg"), *anna(tmp_path, 3)], tmp_path)
    assert len(made.pictures) == 3 and made.reports[0].verdict is Verdict.DROP
    assert any("Only 3 photos" in str(w) for w in made.warnings)


@pytest.mark.parametrize(
    ("width", "verdict"), [(50, Verdict.DROP), (100, Verdict.WARN), (280, Verdict.WARN), (320, Verdict.KEEP)]
)
def test_face_size(tmp_path: Path, width: int, verdict: Verdict):
    report = check(anna(tmp_path, 1, width), Toolbox(), silent)[0]
    assert report.verdict is verdict
    assert (f"under {GOOD_FACE_PX} portraits will look soft" in " ".join(map(str, report.reasons))) == (
        verdict is Verdict.WARN
    )


@pytest.mark.parametrize(
    ("pose", "verdict", "word"),
    [
        (Pose(30, 0, 0), Verdict.KEEP, ""),
        (Pose(-50, 0, 0), Verdict.WARN, "turned by 50"),
        (Pose(80, 0, 0), Verdict.DROP, "turned away"),
        (Pose(0, 40, 0), Verdict.WARN, "up"),
        (Pose(0, -60, 0), Verdict.DROP, "down"),
        (Pose(0, 0, 60), Verdict.WARN, "leans"),
    ],
)
def test_pose(tmp_path: Path, pose: Pose, verdict: Verdict, word: str):
    report = check(anna(tmp_path, 1), Toolbox(pose), silent)[0]
    assert report.verdict is verdict and word in " ".join(map(str, report.reasons))


def test_blur_is_measured_relative_to_the_face(tmp_path: Path):
    import cv2

    sharp = draw([((450, 350), 330, ANNA)])
    for name, sigma in (("sharp", 0.01), ("soft", 9.0)):
        Image.fromarray(cv2.GaussianBlur(sharp, (0, 0), sigma)).save(tmp_path / f"{name}.png")
    reports = check([Photo(tmp_path / f"{n}.png", n) for n in ("sharp", "soft")], Toolbox(), silent)
    assert reports[0].verdict is Verdict.KEEP and reports[1].verdict is Verdict.DROP
    assert "blurred" in str(reports[1].reasons[0]) and reports[1].sharpness < reports[0].sharpness / 3


def test_repeats_are_named_and_only_fill_up(tmp_path: Path):
    photos = anna(tmp_path, 5)
    Image.open(photos[0].file).convert("RGB").save(tmp_path / "again.jpg", quality=85)
    copy = Photo(photos[1].file, "copy.png")
    reports = check([*photos, Photo(tmp_path / "again.jpg", "again.jpg"), copy], Toolbox(), silent)
    pair = {reports[0].name: reports[0], "again.jpg": reports[5]}
    marked = [r for r in pair.values() if any("nearly the same picture" in str(reason) for reason in r.reasons)]
    assert len(marked) == 1 and marked[0].verdict is Verdict.WARN
    assert {reports[1].verdict, reports[6].verdict} == {Verdict.KEEP, Verdict.DROP}


def test_the_users_own_verdict_wins(tmp_path: Path):
    photos = anna(tmp_path, 4)
    small = replace(photo(tmp_path, "small", ((450, 350), 50, ANNA), seed=9), override="keep")
    made = run([replace(photos[0], override="drop"), *photos[1:], small], tmp_path)
    assert made.reports[0].reasons == (message("photo.left-out"),) and not made.reports[0].trained
    assert made.reports[-1].verdict is Verdict.KEEP and made.reports[-1].trained
    assert "only" in str(made.reports[-1].reasons[0]), "the reason is still told"


def test_keep_cannot_make_a_face_where_there_is_none(tmp_path: Path):
    empty = replace(photo(tmp_path, "empty"), override="keep")
    assert check([empty, *anna(tmp_path, 1)], Toolbox(), silent)[0].verdict is Verdict.DROP


def test_the_reference_looks_straight_even_if_another_is_more_alike(tmp_path: Path):
    class Turned(Toolbox):
        """Every face is turned, save the last photo's."""

        def detect(self, picture: Pixels) -> list[Face]:
            last = int(np.median(picture[300:400, 400:500, 1])) >= 154
            return [replace(face, pose=Pose(0.0 if last else 35.0, 0, 0)) for face in super().detect(picture)]

    photos = anna(tmp_path, 5)
    made = run(photos, tmp_path, Turned())
    assert [r.name for r in made.reports if r.pose == Pose(0, 0, 0)] == [photos[-1].name]
    assert made.reports[-1].distance > made.reports[2].distance
    assert np.array_equal(pixels(open_picture(made.reference)), pixels(open_picture(photos[-1].file)))
