"""The time left: hidden until it holds still, never a quarter more than was said, over all tries, from the last run."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from easyphoto.jobs import Event, Job, Kind, State
from easyphoto.stages import Stage
from easyphoto.ui.time_left import RISE, TimeLeft, Unknown, past_run, worked_seconds

JOB = Job("x", Kind.TRAIN, State.RUNNING, {"person": "A", "train_lora": True}, ("a", "b"), 100.0, 100.0)
STARTED = Event(1, 100.0, State.RUNNING)


def step(when: float, stage: Stage, done: int, total: int) -> Event:
    return Event(0, when, State.RUNNING, stage, done, total)


def alone() -> TimeLeft:
    return TimeLeft(lambda job: (), lambda job: None)


def told(watch: TimeLeft, events: Sequence[Event], until: float) -> list[float | Unknown]:
    """What somebody sees who looks every second."""
    seen = []
    for now in range(101, int(until)):
        seen.append(watch.estimate(JOB, [e for e in events if e.time <= now], float(now)).left)
    return seen


def test_the_time_left_is_hidden_until_it_holds_still():
    events = [STARTED, step(101, Stage.CHECK_PHOTOS, 2, 2), step(102, Stage.PREPARE_PHOTOS, 2, 2)]
    events += [step(102 + n, Stage.TRAIN, n, 100) for n in range(1, 101)]
    seen = told(alone(), events, 160)
    assert seen[0] is Unknown.ESTIMATING
    numbers = [one for one in seen if not isinstance(one, Unknown)]
    assert len(numbers) > 20 and seen[-1] == numbers[-1]


@pytest.mark.parametrize("seed", range(5))
def test_it_never_rises_by_more_than_a_quarter(seed: int):
    chance, events, when = random.Random(seed), [STARTED], 100.0
    for n in range(1, 101):
        when += chance.choice([0.2, 0.5, 4.0])
        events.append(step(when, Stage.TRAIN, n, 100))
    least = float("inf")
    for left in told(alone(), events, when):
        if not isinstance(left, Unknown):
            assert left <= RISE * least + 1e-6
            least = min(least, left)


def test_what_takes_longer_than_was_said_says_so():
    events = [STARTED, *(step(100 + n, Stage.TRAIN, 2 * n, 100) for n in range(1, 21))]
    seen = told(alone(), events, 400)
    assert seen[-1] is Unknown.LONGER


def test_the_last_run_tells_the_time_from_the_first_seconds_on():
    old = replace(JOB, id="old", state=State.DONE, ended=200.0)
    past = [
        STARTED,
        step(101, Stage.CHECK_PHOTOS, 2, 2),
        step(110, Stage.TRAIN, 1, 400),
        step(170, Stage.TRAIN, 400, 400),
    ]
    past += [step(170, Stage.VALIDATION, 0, 4), step(195, Stage.CHOOSE, 0, 1), Event(0, 200.0, State.DONE)]
    run = past_run(JOB, old, past)
    assert run.weights[Stage.VALIDATION] == pytest.approx(25) and run.weights[Stage.TRAIN] == pytest.approx(60)
    twice = past_run(replace(JOB, files=("a", "b", "c", "d")), old, past)
    assert twice.weights[Stage.CHECK_PHOTOS] == pytest.approx(2 * run.weights[Stage.CHECK_PHOTOS])
    watch = TimeLeft(lambda job: past, lambda job: old)
    seen = told(watch, [STARTED, step(101, Stage.CHECK_PHOTOS, 1, 2)], 108)
    assert seen[-1] == pytest.approx(run.seconds, rel=0.2)


def test_time_before_an_interruption_counts_and_a_resumed_job_is_not_almost_done():
    events = [STARTED, step(102, Stage.PREPARE_PHOTOS, 2, 2), step(150, Stage.TRAIN, 90, 100)]
    events += [Event(0, 160.0, State.INTERRUPTED), Event(0, 500.0, State.QUEUED), Event(0, 600.0, State.RUNNING)]
    resumed = replace(JOB, started=600.0)
    assert worked_seconds(resumed, events, 610.0) == pytest.approx(70.0)
    ended = replace(resumed, state=State.DONE, ended=640.0)
    assert worked_seconds(ended, [*events, Event(0, 640.0, State.DONE)], 900.0) == pytest.approx(100.0)
    watch = alone()
    lefts = [
        watch.estimate(resumed, [*events, step(601, Stage.PREPARE_PHOTOS, 1, 2)], 601.0 + n).left for n in range(9)
    ]
    assert isinstance(lefts[-1], float) and lefts[-1] > 60


def test_a_program_that_was_killed_counts_to_its_last_sign_of_life():
    events = [STARTED, step(150, Stage.TRAIN, 9, 100), Event(0, 9000.0, State.RUNNING)]
    assert worked_seconds(replace(JOB, started=9000.0), events, 9010.0) == pytest.approx(60.0)


def test_training_and_validation_images_share_the_bar():
    events = [STARTED, step(101, Stage.TRAIN, 50, 100), step(102, Stage.VALIDATION, 2, 4)]
    half = alone().estimate(JOB, events, 103.0).fraction
    more = alone().estimate(JOB, [*events, step(104, Stage.TRAIN, 100, 100)], 105.0).fraction
    assert 0.5 < half < more < 0.95
