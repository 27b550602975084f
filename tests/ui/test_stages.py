"""One list of stages: journeys report no other, each has its words, and the bar moves through all of them."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from typing import get_type_hints

import pytest

from easyphoto.domain import ModelFamily, PortraitRequest, QuickRequest
from easyphoto.jobs import Event, Job, Kind, State
from easyphoto.locales import LANGUAGES, catalogue
from easyphoto.portrait.generate import FACE_STAGES
from easyphoto.progress import Step
from easyphoto.stages import CHECKING, PREPARING, TRAINING, Stage, spans
from easyphoto.ui.i18n import stage_key
from easyphoto.ui.progress_estimate import progress_of

SWITCHES = {name: True for name, value in asdict(PortraitRequest()).items() if value is False}
FULL = PortraitRequest(persons=("ada",), **SWITCHES)


def test_a_step_is_of_a_stage():
    assert get_type_hints(Step)["stage"] is Stage


def test_every_stage_has_its_words_and_there_are_no_others():
    for language in LANGUAGES:
        words = {key for key in catalogue(language) if key.startswith("stages.")}
        assert words == {stage_key(stage.value) for stage in Stage}


def test_every_stage_of_a_face_is_done_by_something():
    assert set(FULL.face_stages) == set(FACE_STAGES)
    assert all(stage.weight > 0 for stage in (*FULL.face_stages, *TRAINING, *CHECKING))


def test_spans_cover_the_journey():
    for journey in (CHECKING, PREPARING, TRAINING, FULL.face_stages):
        parts = spans(journey)
        assert (parts[0][0], parts[-1][1]) == (0.0, 1.0)
        assert all(one[1] == other[0] and one[0] < one[1] for one, other in pairwise(parts))


def test_stages_that_are_turned_off_are_not_waited_for():
    plain = PortraitRequest(first_denoising_strength=0.0, second_denoising_strength=0.0).face_stages
    assert {Stage.FIRST_PASS, Stage.SECOND_PASS}.isdisjoint(plain)
    one = Job("x", Kind.TRAIN, State.RUNNING, {"person": "A", "train_lora": False}, ("a",), 100.0)
    assert progress_of(one, [Event(1, 0.0, State.RUNNING, Stage.PREPARE_PHOTOS, 9, 10)]) > 0.9
    bare = PortraitRequest(fusion_before=False, first_denoising_strength=0.0, color_first=False, fusion_after=False,
                           second_pass=False, color_last=False, enhance_detail=False)  # fmt: skip
    assert bare.face_stages == () == spans(())


def test_the_bar_moves_at_every_sign_of_life_of_a_portrait():
    """Also while a pass renders; nothing stalls from the first stage to the last."""
    told = []
    for count, stage in enumerate(FULL.face_stages):
        told.append((stage, count, len(FULL.face_stages)))
        if stage in (Stage.FIRST_PASS, Stage.SECOND_PASS):
            told += [(Stage.RENDER, n, 4) for n in (1, 2, 3)]
    events = [Event(n, 0.0, State.RUNNING, *step) for n, step in enumerate([(Stage.PORTRAIT, 0, 1), *told], 1)]
    one = Job("x", Kind.PORTRAIT, State.RUNNING, {"persons": ["ada"], "retouch": True}, ("a",), 100.0)
    fractions = [progress_of(one, events[: n + 1]) for n in range(1, len(events))]
    assert all(later > sooner for sooner, later in pairwise(fractions))
    assert fractions[-1] > 0.85


def test_the_bar_of_a_quick_portrait_begins_with_the_photos_and_never_goes_back():
    request = asdict(QuickRequest(PortraitRequest.for_family(ModelFamily.BUILTIN)))
    job = Job("x", Kind.QUICK, State.RUNNING, request, ("me", "a", "b"), created=0.0)
    steps = [("check photos", 0, 2), ("check photos", 2, 2), ("prepare photos", 1, 2), ("prepare photos", 2, 2)]
    steps += [("portrait", 0, 2), ("fusion", 0, 3), ("detail", 2, 3), ("portrait", 1, 2), ("portrait", 2, 2)]
    events = [Event(n, float(n), State.RUNNING, *step) for n, step in enumerate(steps)]
    seen = [progress_of(job, events[: n + 1]) for n in range(len(events))]
    assert seen == sorted(seen)
    assert 0 == seen[0] < seen[1] < seen[2] < seen[3] == pytest.approx(0.2)
    assert (seen[-2], seen[-1]) == (pytest.approx(0.6), pytest.approx(1.0))
