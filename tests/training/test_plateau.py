"""When a training no longer brings anybody nearer: its end, and what the result says."""

from pathlib import Path

import pytest

from easyphoto.progress import Step, silent
from easyphoto.stages import Stage
from easyphoto.training.launch import STOP_FILE
from easyphoto.training.plateau import PlateauStop, at_plateau, without_gain


@pytest.mark.parametrize(
    ("distances", "expected"),
    [
        ([1.0, 0.9, 0.8, 0.7], False),
        ([1.0, 0.8, 0.8, 0.81], True),
        ([1.0, 0.8, 0.82, 0.75], False),
        ([1.0, 0.8, 0.8], False),
        ([1.0, 1.0, 1.0, 1.0], True),
        ([1.0, 0.8, 0.799, 0.798], True),  # within what two seeds differ by
    ],
)
def test_two_checks_without_a_gain_are_a_plateau(distances: list[float], expected: bool):
    assert at_plateau(distances) is expected


def test_a_plateau_asks_the_trainer_to_stop_and_says_what_that_saved(tmp_path: Path):
    stop = PlateauStop(tmp_path, templates=2)
    hear = stop.listening(silent)
    for done, distance in ((0, 1.0), (100, 0.8), (200, 0.81), (300, 0.82)):
        hear(Step(Stage.TRAIN, done, 800, figures={"distance": distance}))
        assert not (tmp_path / STOP_FILE).exists()  # one of two templates is no check
        hear(Step(Stage.TRAIN, done, 800, figures={"distance": distance + 0.1}))
    assert (tmp_path / STOP_FILE).exists()
    assert stop.stopped is not None
    assert (stop.stopped.params["step"], stop.stopped.params["total"]) == (300, 800)


def test_a_gain_within_its_own_spread_is_none():
    start = {0: 1.0, 1: 1.2}
    assert without_gain({0: start, 100: {0: 0.8, 1: 1.35}})
    assert not without_gain({0: start, 100: {0: 0.8, 1: 1.0}})
    assert not without_gain({100: {0: 1.0}})
    assert without_gain({0: {0: 1.0}, 100: {0: 1.0}})
