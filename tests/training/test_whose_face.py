"""Whose face it is: groups, neighbours, strangers, look-alikes, couples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prepare_world import ANNA, BERT, Toolbox, anna, photo, run

from easyphoto.domain import TrainingSet, Verdict
from easyphoto.images import open_picture, pixels
from easyphoto.progress import silent
from easyphoto.training.prepare import check


def test_in_group_photos_the_face_of_the_others_not_the_leftmost(tmp_path: Path):
    group = photo(tmp_path, "group", ((150, 350), 220, BERT), ((650, 350), 150, ANNA), seed=50)
    made = run([group, *anna(tmp_path, 4)], tmp_path)
    report = made.reports[0]
    assert report.faces == 2 and report.trained and report.box is not None
    assert abs(report.box.center[0] - 650) < 10
    crop = pixels(open_picture(made.crops[[r.name for r in chosen_order(made)].index("group.png")])).astype(int)
    assert not np.any(np.abs(crop - BERT).max(axis=2) < 12), "the neighbour is not in the crop"


def chosen_order(made: TrainingSet) -> list:
    return sorted((r for r in made.reports if r.trained), key=lambda r: r.distance)


def test_a_neighbour_close_by_is_not_trained_on(tmp_path: Path):
    close = photo(tmp_path, "close", ((450, 350), 200, ANNA), ((680, 350), 180, BERT), seed=70)
    made = run([*anna(tmp_path, 4), close], tmp_path)
    name = [r.name for r in chosen_order(made)].index("close.png")
    array = pixels(open_picture(made.pictures[name])).astype(int)
    assert np.any(np.abs(array - ANNA).max(axis=2) < 12)
    assert not np.any(np.abs(array - BERT).max(axis=2) < 12)


def test_a_stranger_is_dropped_and_does_not_pull_the_center(tmp_path: Path):
    made = run([*anna(tmp_path, 5), photo(tmp_path, "bert", ((450, 350), 200, BERT), seed=60)], tmp_path)
    assert made.reports[-1].verdict is Verdict.DROP and "another person" in str(made.reports[-1].reasons[0])
    assert all(r.distance < 0.1 for r in made.reports[:-1]) and made.warnings == ()


def test_a_look_alike_within_the_recognizers_limit_stands_out_from_a_close_set(tmp_path: Path):
    twin = photo(tmp_path, "twin", ((450, 350), 320, (220, 150, 175)), seed=60)  # the limit is 0.6
    reports = check([*anna(tmp_path, 6), twin], Toolbox(), silent)
    assert reports[-1].verdict is Verdict.DROP and 0.42 < reports[-1].distance < 0.6
    assert all(r.verdict is Verdict.KEEP for r in reports[:-1])


@pytest.mark.parametrize("count", [4, 11, 19])
def test_the_one_odd_photo_of_the_person_is_kept_in_small_sets_too(tmp_path: Path, count: int):
    """Behind a gap as wide as the look-alike's, but nearer than any stranger comes."""
    odd = photo(tmp_path, "odd", ((450, 350), 320, (220, 150, 160)), seed=60)
    reports = check([*anna(tmp_path, count), odd], Toolbox(), silent)
    assert reports[-1].verdict is not Verdict.DROP and 0.25 < reports[-1].distance < 0.42


def test_two_people_in_equal_numbers_are_named(tmp_path: Path):
    berts = [photo(tmp_path, f"bert{i}", ((450, 350), 200, (150 - i, 60, 40)), seed=30 + i) for i in range(5)]
    made = run([*anna(tmp_path, 5), *berts], tmp_path)
    assert any("two different people in about equal numbers" in str(w) for w in made.warnings)
    reports = check([*anna(tmp_path, 5), *berts], Toolbox(), silent)
    assert any("equal numbers" in str(reason) for r in reports for reason in r.reasons)


def test_a_photo_marked_keep_says_who_is_meant(tmp_path: Path):
    bert = photo(tmp_path, "bert", ((450, 350), 200, BERT), seed=60)
    reports = check([*anna(tmp_path, 4), replace(bert, override="keep")], Toolbox(), silent)
    assert reports[-1].verdict is Verdict.KEEP
    assert all(r.verdict is Verdict.DROP for r in reports[:-1])


def test_a_couple_in_every_photo_is_named(tmp_path: Path):
    both = [((250, 350), 200, ANNA), ((650, 350), 240, BERT)]
    made = run([photo(tmp_path, f"both{i}", *both, seed=i) for i in range(3)], tmp_path)
    assert any("Someone else is in every photo" in str(w) for w in made.warnings)
    assert all(r.box is not None and r.box.center[0] > 500 for r in made.reports), "the larger face"
