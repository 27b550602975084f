"""Names from outside command no terminal: not in lines, tables, JSON, progress nor logs."""

from __future__ import annotations

import io
import json
import logging

import pytest
from cli_world import run
from rich.console import Console

from easyphoto.cli.terminal import CommandResult, LogFormatter, ProgressLines, error_result, show
from easyphoto.errors import BadPicture
from easyphoto.printable import printable
from easyphoto.progress import Step

EVIL = "a\x1b]0;owned\x07\x9b2J\r\nfake line\u202egnp.exe\udc80"


def tame(text: str) -> bool:
    return not any(sign in text for sign in "\x1b\x07\x9b\r\u202e\udc80") and "\nfake" not in text


def test_names_of_people_and_pictures_stay_as_they_are():
    assert printable("Ann 安娜 é 👩‍👧 [b]") == "Ann 安娜 é 👩‍👧 [b]"


@pytest.mark.parametrize("as_json", [False, True])
def test_results(as_json: bool, capsys: pytest.CaptureFixture[str]):
    shown = CommandResult({"name": EVIL}, [EVIL], [("photo", "why"), (EVIL, "x")])
    show(shown, as_json, Console())
    out = capsys.readouterr().out
    assert "fake line" in out and tame(out)
    if as_json:
        assert json.loads(out)["name"] == EVIL


def test_failures(capsys: pytest.CaptureFixture[str]):
    show(error_result(BadPicture("picture.empty", file=EVIL), 3), False, Console())
    assert tame(capsys.readouterr().out)
    assert tame(str(BadPicture("picture.empty", file=EVIL)))


@pytest.mark.parametrize("terminal", [False, True])
def test_progress(terminal: bool):
    out = io.StringIO()
    ProgressLines(Console(file=out, force_terminal=terminal)).show(Step("check photos", 1, 2, EVIL))
    assert tame(out.getvalue().replace("\x1b[0m", ""))


def test_logs():
    record = logging.LogRecord("easyphoto", logging.WARNING, "", 1, "%s left out", (EVIL,), None)
    assert tame(LogFormatter("%(levelname)s %(message)s").format(record))


def test_a_photo_of_that_name_on_the_command_line(studio, photos, capsys):
    from PIL import Image

    Image.new("RGB", (4, 4)).save(photos / "evil\x1b]0;x\x07.png")
    assert run(studio, "train", "--check", "--name", "Ann", "--photos", photos) == 0
    said = capsys.readouterr()
    assert "evil" in said.out and tame(said.out + said.err)
