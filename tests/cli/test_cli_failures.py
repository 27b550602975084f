"""Failures become exit codes and lines; Ctrl-C and pipes."""

from __future__ import annotations

import json
import os
import signal

import pytest
from cli_world import run
from rich.console import Console

from easyphoto import errors
from easyphoto.cli.terminal import ProgressLines, progress
from easyphoto.progress import Cancelled, Step
from easyphoto.ui.i18n import Translator


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (errors.BadRequest("plain", text="x", remedy=""), 2),
        (errors.BadName("plain", text="x", remedy=""), 2),
        (errors.NotFound("plain", text="x", remedy=""), 2),
        (errors.AlreadyThere("plain", text="x", remedy=""), 2),
        (errors.Busy("plain", text="x", remedy=""), 2),
        (errors.BadPicture("plain", text="x", remedy=""), 3),
        (errors.NoFace("plain", text="x", remedy=""), 3),
        (errors.MissingModel("plain", text="x", remedy=""), 4),
        (errors.BadModel("plain", text="x", remedy=""), 4),
        (errors.MissingPackage("plain", text="x", remedy=""), 4),
        (
            errors.TrainingFailed(
                "plain", text="x", exit_code=9, last_lines=("out of memory",), log="t.log", remedy=""
            ),
            5,
        ),
        (errors.RenderFailed("plain", text="x", remedy=""), 5),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 4),
        (ModuleNotFoundError("No module named 'easyphoto.x'", name="easyphoto.x"), 1),
        (ZeroDivisionError("x"), 1),
        (Cancelled(), 130),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes(trouble, code, studio, photos, capsys):
    studio.fails = trouble
    arguments = ["train", "--name", "a", "--photos", photos, "--consent"]
    assert run(studio, *arguments) == code
    assert run(studio, *arguments, "--json") == code
    printed = capsys.readouterr().out
    assert json.loads(printed)["exit_code"] == code


def test_a_failure_says_problem_file_and_mend(studio, photos, capsys):
    studio.fails = errors.TrainingFailed(
        "plain",
        text="The trainer ended.",
        exit_code=9,
        last_lines=("out of memory",),
        log="t.log",
        remedy="Lower the rank.",
    )
    run(studio, "train", "--name", "a", "--photos", photos, "--consent")
    shown = capsys.readouterr()
    assert shown.out == ""
    for word in ("training: The trainer ended.", "t.log", "out of memory", "Lower the rank."):
        assert word in shown.err


def test_missing_model_of_the_request(studio, photos):
    assert run(studio, "train", "--name", "a", "--photos", photos, "--base-model", "missing") == 4


def test_ctrl_c_stops_at_the_next_sign_of_life():
    before = signal.getsignal(signal.SIGINT)
    with progress(Console(stderr=True), Translator(), quiet=True) as report:
        report(Step("a", 0, 2))
        os.kill(os.getpid(), signal.SIGINT) if os.name != "nt" else signal.raise_signal(signal.SIGINT)
        with pytest.raises(Cancelled):
            report(Step("a", 1, 2))
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_pipe_gets_few_lines(capsys):
    now = [0.0]
    lines = ProgressLines(Console(width=160), Translator(), lambda: now[0])
    for done in range(101):
        now[0] += 1
        lines.show(Step("train", done, 100, figures={"loss": 0.25}))
    said = capsys.readouterr().out.splitlines()
    lines.show(Step("train", 100, 100, figures={"loss": 0.25}))
    assert capsys.readouterr().out == ""
    assert (
        len(said) == 11
        and said[0].startswith("Training the LoRA 0/100")
        and said[-1] == "Training the LoRA 100/100 loss 0.25"
    )
