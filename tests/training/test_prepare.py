"""What a preparation leaves: pictures, captions, crops, the reference, the same again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from prepare_world import ANNA, Toolbox, anna, draw, photo, run

from easyphoto.domain import Photo, Pixels, TrainRequest, Verdict
from easyphoto.errors import BadRequest
from easyphoto.faces.base import FusionSource
from easyphoto.images import open_picture, pixels
from easyphoto.progress import Cancelled, Step
from easyphoto.training.crops import moved
from easyphoto.training.prepare import prepare

CAPTION = "easyphoto_face, easyphoto, 1person"


def test_the_folder_holds_what_the_trainer_reads(tmp_path: Path):
    made = run(anna(tmp_path, 6), tmp_path)
    assert [f.name for f in made.pictures] == [f"{i:04d}.png" for i in range(6)]
    assert all(f.with_suffix(".txt").read_text(encoding="utf-8") == CAPTION for f in made.pictures)
    lines = [json.loads(line) for line in (made.folder / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines == [{"file_name": f"train/{i:04d}.png", "text": CAPTION} for i in range(6)]
    assert made.embeddings.shape == (6, 3) and made.embeddings.dtype == np.float32
    assert made.warnings == () and all(r.trained and r.verdict is Verdict.KEEP for r in made.reports)
    assert [f.name for f in made.crops] == [f"{i:04d}.jpg" for i in range(6)] and all(f.is_file() for f in made.crops)
    assert open_picture(made.reference).size == (900, 700)


def test_a_training_picture_is_the_face_on_white_three_face_widths_wide(tmp_path: Path):
    made = run(anna(tmp_path, 1, width=200), tmp_path)
    array = pixels(open_picture(made.pictures[0]))
    assert array.shape[0] == array.shape[1] and abs(array.shape[0] - 600) <= 12
    assert np.all(array[:5] == 255) and np.all(array[-5:] == 255) and np.all(array[:, :5] == 255)
    middle = array[array.shape[0] // 2, array.shape[1] // 2].astype(int)
    assert np.abs(middle - ANNA).max() < 30


def test_forehead_and_what_is_above_it_stay(tmp_path: Path):
    # The original moved the kept rectangle down and lost the top of the head (its defect).
    file = anna(tmp_path, 1)[0]
    made = run([file], tmp_path)
    array = pixels(open_picture(made.pictures[0])).astype(int)
    x, side = array.shape[1] // 2, array.shape[0]
    top = side // 2 - round(0.65 * side / 3)  # the ellipse's upper end: the box is 1.3 widths high
    assert np.all(np.abs(array[top + 5, x] - ANNA) < 40)
    assert not np.all(array[top - round(0.3 * 1.3 * side / 3), x] == 255)


def test_a_face_at_the_edge_still_stands_in_the_middle(tmp_path: Path):
    made = run([photo(tmp_path, "edge", ((110, 120), 200, ANNA))], tmp_path)
    array = pixels(open_picture(made.pictures[0])).astype(int)
    assert np.abs(array[array.shape[0] // 2, array.shape[1] // 2] - ANNA).max() < 30


def test_crops_come_from_the_files_full_size(tmp_path: Path):
    small = draw([((450, 350), 100, ANNA)])
    Image.fromarray(small).resize((3600, 2800), Image.Resampling.NEAREST).save(tmp_path / "big.png")
    made = run([Photo(tmp_path / "big.png", "big")], tmp_path)
    assert 900 <= open_picture(made.pictures[0]).width <= 1024  # not the 530 of the shrunk look
    report = made.reports[0]
    assert report.size == (3600, 2800) and abs(report.face_px - 400) < 20
    assert report.box is not None and abs(report.box.center[0] - 1800) < 20


def test_everything_is_made_anew_and_the_same_again(tmp_path: Path):
    first = run(anna(tmp_path, 6), tmp_path)
    before = {f.name: f.read_bytes() for f in first.folder.rglob("*") if f.is_file()}
    run(anna(tmp_path, 6), tmp_path)
    assert before == {f.name: f.read_bytes() for f in first.folder.rglob("*") if f.is_file()}
    again = run(anna(tmp_path, 2), tmp_path)
    assert sorted(f.name for f in (again.folder / "train").iterdir()) == [
        "0000-masklabel.png",
        "0000.png",
        "0000.txt",
        "0001-masklabel.png",
        "0001.png",
        "0001.txt",
    ]


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.txt").write_text("mine")
    with pytest.raises(BadRequest):
        run(anna(tmp_path, 1), tmp_path)
    assert (tmp_path / "set" / "thesis.txt").read_text() == "mine"


def test_at_most_fifteen_the_most_alike_first(tmp_path: Path):
    photos = anna(tmp_path, 18)
    made = run(photos, tmp_path)
    assert len(made.pictures) == 15 and sum(r.trained for r in made.reports) == 15
    trained = [r.distance for r in made.reports if r.trained]
    left = [r.distance for r in made.reports if not r.trained]
    assert max(trained) <= min(left)


def test_the_smallest_are_sharpened_and_at_most_half(tmp_path: Path):
    toolbox = Toolbox()
    run(anna(tmp_path, 5, width=140), tmp_path, toolbox)
    assert toolbox.calls == ["sharpen"] * 2
    toolbox = Toolbox()
    run(anna(tmp_path, 5, width=200), tmp_path, toolbox)
    assert toolbox.calls == []


class Crisp(Toolbox):
    """Makes a face crisp by painting it green, twice as large."""

    def enhance(self, photo: FusionSource) -> FusionSource:
        self.calls.append("enhance")
        large = pixels(Image.fromarray(photo.picture).resize((photo.picture.shape[1] * 2, photo.picture.shape[0] * 2)))
        still = moved(photo.face, 2.0, (0.0, 0.0))
        left, top, right, bottom = still.box.scaled(0.5).rounded()
        large[top:bottom, left:right] = (0, 255, 0)
        return FusionSource(large, still)


def test_photos_for_fusion_are_enhanced_once_and_the_reference_shows_it(tmp_path: Path):
    toolbox = Crisp()
    made = run(anna(tmp_path, 3, width=200), tmp_path, toolbox)
    assert toolbox.calls.count("enhance") == 3
    for file in (*made.crops, made.reference):
        picture = pixels(open_picture(file))
        assert (
            picture.shape[0] >= 1200
            and np.abs(picture[picture.shape[0] // 2, picture.shape[1] // 2] - [0, 255, 0]).max() < 30
        )
    middle = pixels(open_picture(made.pictures[0]))[300, 300].astype(int)
    assert np.abs(middle - ANNA).max() < 30  # what is trained on stays the photo


def test_enhancing_photos_can_be_switched_off(tmp_path: Path):
    toolbox = Crisp()
    made = run(anna(tmp_path, 2), tmp_path, toolbox, enhance_photos=False)
    assert "enhance" not in toolbox.calls
    assert open_picture(made.reference).size == (900, 700)


def test_retouching_only_on_request(tmp_path: Path):
    toolbox = Toolbox()
    run(anna(tmp_path, 2), tmp_path, toolbox, retouch=True)
    assert toolbox.calls.count("retouch") == 2


def test_a_matte_that_misses_the_face_is_mended_by_its_oval(tmp_path: Path):
    class Blind(Toolbox):
        def matte(self, picture: Pixels) -> Pixels:
            return np.zeros(picture.shape[:2], np.uint8)

    array = pixels(open_picture(run(anna(tmp_path, 1), tmp_path, Blind()).pictures[0])).astype(int)
    assert np.abs(array[array.shape[0] // 2, array.shape[1] // 2] - ANNA).max() < 30


def test_progress_is_told_and_a_cancel_goes_through(tmp_path: Path):
    steps: list[Step] = []
    prepare(anna(tmp_path, 3), TrainRequest(), Toolbox(), tmp_path / "set", steps.append)
    for stage in ("check photos", "prepare photos"):
        assert [s.done for s in steps if s.stage == stage] == [0, 1, 2, 3]

    def stop(step: Step) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        prepare(anna(tmp_path, 3), TrainRequest(), Toolbox(), tmp_path / "other", stop)
