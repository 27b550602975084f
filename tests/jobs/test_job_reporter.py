"""Steps on their way from the worker to the events: joined, never lost, bounded."""

from __future__ import annotations

import pytest
from PIL import Image

from easyphoto.jobs import State
from easyphoto.jobs.reporter import MOST_WAITING, Reporter
from easyphoto.progress import Cancelled, Step


def test_reporter_joins_quick_steps_and_loses_no_last_word():
    reporter = Reporter()
    for n in range(1000):
        reporter(Step("train", n, 1000, figures={"distance": 0.5} if n == 10 else {"loss": n / 1000}))
    reporter(Step("choose", 0, 1))
    first, second = reporter.take()
    assert isinstance(first, Step)
    assert (first.done, first.figures) == (999, {"loss": 0.999, "distance": 0.5})
    assert isinstance(second, Step)
    assert second.stage == "choose"


def test_reporter_passes_no_repetition_on():
    reporter = Reporter()
    for number in range(3):
        reporter(Step("wait", 1, 2))
        assert len(reporter.take()) == (1 if number == 0 else 0)
    reporter(Step("wait", 2, 2))
    assert reporter.take() == [Step("wait", 2, 2)]


def test_reporter_holds_a_bounded_number_of_pictures():
    reporter = Reporter()
    picture = Image.new("RGB", (4, 4))
    for n in range(500):
        reporter(Step("train", n, 500, preview=picture))
        reporter.say("line")
    taken = reporter.take()
    assert len(taken) <= MOST_WAITING + 1
    reporter.stop = State.CANCELLED
    with pytest.raises(Cancelled):
        reporter(Step("train", 0, 1))
