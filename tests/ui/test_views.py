"""What the page shows, without a browser: verdicts, bars, curves, assignments, and nothing that is not escaped."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from ui_world import broken, drafted, selfie

from easyphoto.domain import Box, Face, Person, Pose
from easyphoto.errors import BadPicture
from easyphoto.jobs import Event, Job, Kind, State
from easyphoto.library.uploads import StoredUpload
from easyphoto.locales import message
from easyphoto.ui.charts import HEIGHT, WIDTH, Chart, line_chart, points_of, smoothed, thinned
from easyphoto.ui.components import bytes_in_words, problem
from easyphoto.ui.i18n import Translator
from easyphoto.ui.job_view import job_html
from easyphoto.ui.people_view import Opened, PersonCard, people_html
from easyphoto.ui.photos_view import DraftPhoto, added, photos_html, with_override, with_reports
from easyphoto.ui.pictures import PictureCache
from easyphoto.ui.progress_estimate import progress_of
from easyphoto.ui.selection import FaceBox, Selection, face_boxes_of, orders
from easyphoto.ui.time_left import ProgressEstimate, TimeLeft
from easyphoto.ui.train_view import curves, figures_html, outcome_html

SAY = Translator()
NASTY = '<img src=x onerror="alert(1)">.jpg'
FACE_BOXES = (FaceBox(0.1, 0.2, 0.1, 0.1), FaceBox(0.5, 0.2, 0.3, 0.3))


def report(verdict: str, **more: object) -> dict:
    return {"verdict": verdict, "reasons": [], "box": [0, 0, 9, 9], "face_px": 120, "distance": 0.31, **more}


def job(**more: object) -> Job:
    base = Job("20260101-000000-00000000", Kind.TRAIN, State.RUNNING, {"person": "Ada"}, ("a.jpg",), 100.0, 100.0)
    return replace(base, **more)  # type: ignore[arg-type]


def where_is(one: Job) -> ProgressEstimate:
    return TimeLeft(lambda job: (), lambda job: None).estimate(one, [], 101.0)


def event(number: int, stage: str, done: int, total: int, **figures: float) -> Event:
    return Event(number, 100.0 + number, State.RUNNING, stage, done, total, "", dict(figures))


def test_a_waiting_job_says_its_place():
    html = job_html(job(state=State.QUEUED, place=3), where_is(job(state=State.QUEUED, place=3)), SAY, "box", "Ada")
    assert "number 3 in the queue" in html


# ---------------------------------------------------------------- photos


def test_usable_photos_are_counted_and_an_override_counts(tmp_path: Path):
    files = [selfie(tmp_path / f"{n}.png", n) for n in range(3)]
    draft = drafted(*files)
    draft = with_reports(draft, [f.name for f in files], [report("keep"), report("warn"), report("drop")])
    assert "2 of 3 usable" in photos_html(draft, PictureCache(), SAY)
    assert "3 of 3 usable" in photos_html(with_override(draft, 2, "keep"), PictureCache(), SAY)
    assert "1 of 3 usable" in photos_html(with_override(draft, 0, "drop"), PictureCache(), SAY)
    assert "2 of 2 usable" in photos_html(with_override(draft, 2, "remove"), PictureCache(), SAY)


def test_a_photo_without_a_face_cannot_be_kept():
    photo = DraftPhoto(Path("x"), "x", "keep", report("drop", box=None))
    assert photo.verdict == "drop"


def test_photos_are_not_added_twice(tmp_path: Path):
    file = selfie(tmp_path / "a.png")
    assert len(added(drafted(file), [StoredUpload("", "a.png", file)])) == 1
    assert len(added(drafted(file), [StoredUpload("", "b.png", file)])) == 2


def test_photos_added_during_a_check_stay_unjudged(tmp_path: Path):
    files = [selfie(tmp_path / "a.png"), selfie(tmp_path / "b.png")]
    draft = with_reports(drafted(*files), ["b.png"], [report("keep")])
    assert [photo.verdict for photo in draft] == ["", "keep"]


def test_a_broken_photo_says_so(tmp_path: Path):
    draft = drafted(broken(tmp_path / "b.jpg"))
    assert "Unreadable" in photos_html(draft, PictureCache(), SAY)


@pytest.mark.parametrize("number", [-1, 5, 10**9])
def test_a_word_on_a_photo_that_is_not_there_changes_nothing(number: int):
    draft = (DraftPhoto(Path("x"), "x"),)
    assert with_override(draft, number, "remove") == draft


def test_names_are_escaped_everywhere(tmp_path: Path):
    file = selfie(tmp_path / "a.png")
    person = Person("x", NASTY, tmp_path, None, file, None, ())
    pages = (
        photos_html((DraftPhoto(file, NASTY, "", report("drop", reasons=[NASTY])),), PictureCache(), SAY),
        job_html(job(note=NASTY, stage=NASTY), where_is(job(note=NASTY, stage=NASTY)), SAY, "box", NASTY),
        problem(BadPicture("plain", text=NASTY, file=NASTY, remedy=NASTY), SAY),
        problem(ValueError(NASTY), SAY),
        people_html([PersonCard(person, 1, "", "")], Opened("x", "delete"), PictureCache(), SAY),
        outcome_html(job(state=State.DONE, result={"name": NASTY, "warnings": [NASTY]}), person, PictureCache(), SAY),
    )
    assert all("<img src=x" not in page for page in pages)
    assert all(NASTY[1:8] in page for page in pages)


# ---------------------------------------------------------------- jobs


def test_the_bar_never_goes_back():
    events = [event(1, "check photos", 4, 4), event(2, "train", 90, 100), event(3, "prepare photos", 0, 4)]
    fractions = [progress_of(job(), events[:n]) for n in range(4)]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0
    assert 0.7 < fractions[-1] < 0.8  # the validation images are to come


def test_portraits_count_templates_and_passes():
    one = job(kind=Kind.PORTRAIT, request={"persons": ["ada"], "best_of": 1}, files=("a", "b"))
    begun = [event(1, "portrait", 0, 2), event(2, "fusion", 0, 6)]
    later = [*begun, event(3, "second pass", 4, 6)]
    second = [*later, event(4, "portrait", 1, 2), event(5, "fusion", 0, 6)]
    fractions = [progress_of(one, events) for events in (begun, later, second)]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < fractions[1] < 0.5 <= fractions[2] < 1


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.RUNNING, ("Cancel", "Download log")),
        (State.QUEUED, ("Cancel", "Queued")),
        (State.INTERRUPTED, ("Resume", "Interrupted")),
        (State.FAILED, ("Dismiss", "Failed")),
    ],
)
def test_a_job_offers_what_can_be_done(state: State, words: tuple[str, ...]):
    html = job_html(job(state=state, resumable=True), where_is(job(state=state, resumable=True)), SAY, "box", "Ada")
    assert all(word in html for word in words)


@pytest.mark.parametrize("state", [State.FAILED, State.INTERRUPTED])
def test_a_failure_shows_problem_file_mend_and_last_lines(state: State):
    facts = {"problem": "It broke.", "file": "me.jpg", "remedy": "Try again.", "last_lines": "a\nb"}
    html = job_html(job(state=state, error=facts), where_is(job(state=state, error=facts)), SAY, "box", "Ada")
    assert all(word in html for word in ("It broke.", "me.jpg", "Try again.", "a\nb"))


@pytest.mark.parametrize(
    ("base", "gap", "words"),
    [
        ("sd15", 0.9, "The similarity is low"),
        ("sd15", 0.4, None),
        ("built-in", 0.9, "usual for the small built-in model"),
    ],
)
def test_a_low_likeness_comes_with_advice_that_fits_the_base_model(base: str, gap: float, words: str | None):
    result = {"name": "Ada", "distance_by_step": {"10": gap, "20": 2.0}, "votes": {"10": 1.0}}
    html = outcome_html(job(state=State.DONE, request={"base_model": base}, result=result), None, PictureCache(), SAY)
    assert (words in html) if words else ("ep-notice" not in html)
    assert f"{gap:.3f}" in html
    assert "100 %" in html


def test_a_person_without_a_lora_comes_with_the_reason_and_without_curves():
    note = message("training.no-lora").as_json()
    ended = job(
        state=State.DONE,
        request={"base_model": "built-in", "train_lora": False},
        result={"name": "Ada", "notes": [note], "losses": [], "distance_by_step": {}, "votes": {}},
    )
    html = outcome_html(ended, None, PictureCache(), Translator("zh"))
    assert "没有训练 LoRA" in html and "ep-table" not in html
    assert figures_html(ended, [], SAY) == ""


# ---------------------------------------------------------------- curves


def test_points_come_from_events_and_the_newest_wins():
    events = [event(1, "train", 1, 9, loss=0.5), event(2, "train", 1, 9, loss=0.4), event(3, "train", 2, 9)]
    assert points_of(events, "loss") == [(1.0, 0.4)]


def test_smoothing_keeps_a_constant_and_starts_at_the_first_value():
    assert [v for _, v in smoothed([(1, 2.0), (2, 2.0), (3, 2.0)])] == pytest.approx([2.0, 2.0, 2.0])
    assert smoothed([(1, 5.0), (2, 1.0)])[0] == (1, pytest.approx(5.0))


def test_thinning_keeps_both_ends():
    points = [(float(n), 0.0) for n in range(1000)]
    thin = thinned(points, 100)
    assert len(thin) <= 101
    assert (thin[0], thin[-1]) == (points[0], points[-1])


@pytest.mark.parametrize("points", [[(1.0, 0.5)], [(1.0, 0.5), (2.0, 0.5)], [(0.0, 0.1)], [(1.0, 0.9), (200.0, 0.1)]])
def test_a_curve_stays_inside_its_drawing(points: list):
    drawn = line_chart(Chart("Loss", "step", points))
    places = [tuple(map(float, p.split(","))) for line in re.findall(r'points="([^"]*)"', drawn) for p in line.split()]
    assert places
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)


def test_no_curve_before_the_first_step():
    assert "<svg" not in curves([], [], SAY)


# ---------------------------------------------------------------- who is who


def test_the_largest_face_goes_to_the_person_and_the_others_stay():
    assert Selection(person="ada").persons_in("t", FACE_BOXES) == ("", "ada")


def test_a_cast_by_hand_holds_for_its_template_only():
    selection = Selection(person="ada").toggled("t").toggled("u").assigned("t", 0, "bob", FACE_BOXES)
    assert selection.persons_in("t", FACE_BOXES) == ("bob", "ada")
    assert selection.persons_in("u", FACE_BOXES) == ("", "ada")


def test_templates_with_the_same_cast_are_one_order():
    selection = Selection(person="ada").toggled("t").toggled("u").toggled("v").assigned("v", 1, "bob", FACE_BOXES)
    face_boxes = {"t": FACE_BOXES, "u": FACE_BOXES, "v": FACE_BOXES}
    assert orders(selection, face_boxes) == [(("", "ada"), ["t", "u"]), (("", "bob"), ["v"])]


def test_a_template_nobody_is_in_is_no_order():
    selection = Selection(person="ada").toggled("t").assigned("t", 1, "", FACE_BOXES)
    assert orders(selection, {"t": FACE_BOXES}) == []


def test_unchoosing_shows_another_template():
    selection = Selection().toggled("t").toggled("u").toggled("u")
    assert (selection.chosen, selection.shown) == (("t",), "t")


def test_spots_are_shares_of_the_picture():
    face = Face(Box(-10, 50, 50, 100), None, 1.0, Pose(0, 0, 0))  # type: ignore[arg-type]
    assert face_boxes_of([face], (100, 200)) == (FaceBox(0.0, 0.25, 0.5, 0.25),)


# ---------------------------------------------------------------- pictures, small parts


def test_pictures_in_the_page_are_small_and_bare(tmp_path: Path):
    file = selfie(tmp_path / "a.png")
    uri = PictureCache().uri(file)
    assert uri.startswith("data:image/jpeg;base64,")
    assert len(uri) < 60_000
    assert PictureCache().uri(tmp_path / "none.png") == ""
    assert PictureCache().uri(broken(tmp_path / "b.jpg")) == ""


def test_a_changed_file_is_read_anew(tmp_path: Path):
    pictures, file = PictureCache(remembered=1), selfie(tmp_path / "a.png")
    before = pictures.uri(file)
    selfie(file, 80)
    os.utime(file, ns=(1, 1))
    assert pictures.uri(file) != before


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (1500, "2 kB"), (2.5e6, "2 MB"), (3.21e9, "3.2 GB")])
def test_sizes(size: float, text: str):
    assert bytes_in_words(size) == text
