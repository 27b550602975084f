"""The console in Chinese: every help and a whole journey show no English sentence of ours."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_world import run
from fake_studio import FakeStudio
from fakes import draw_faces, save

from easyphoto import errors
from easyphoto.cli.parser import LANGUAGE_SETTING, language_of, parser
from easyphoto.locales import message
from easyphoto.paths import Paths

SENTENCE = re.compile(r"[A-Za-z']{2,} [A-Za-z']{2,} [A-Za-z']{2,}")
HAN = re.compile(r"[\u4e00-\u9fff]")
SYNTAX = re.compile(r"^用法：.*?\n\n|^ +(?:-|[A-Z_]+ ).*?(?=  |$)", re.S | re.M)


def check(said: str) -> None:
    assert HAN.search(said)
    assert SENTENCE.findall(said) == []


def every_parser(one: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield one
    for action in one._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from every_parser(child)


def test_the_language_is_an_option_or_a_setting_and_english_otherwise(monkeypatch):
    monkeypatch.delenv(LANGUAGE_SETTING, raising=False)
    assert language_of(["doctor"]) == "en"
    assert language_of(["doctor", "--language", "zh"]) == language_of(["--language=zh", "doctor"]) == "zh"
    monkeypatch.setenv(LANGUAGE_SETTING, "zh")
    assert language_of(["doctor"]) == "zh"
    assert language_of(["doctor", "--language", "en"]) == "en"


@pytest.mark.parametrize("given", [["--language", "tlh", "doctor"], ["doctor", "--language", "tlh"], ["--language"]])
def test_an_unknown_language_is_refused(given, disk, capsys):
    with pytest.raises(SystemExit) as ended:
        run(disk, *given)
    assert ended.value.code == 2 and "--language" in capsys.readouterr().err


def test_an_unknown_language_of_the_environment_is_refused(monkeypatch, disk, capsys):
    monkeypatch.setenv(LANGUAGE_SETTING, "tlh")
    with pytest.raises(SystemExit):
        run(disk, "doctor")
    assert "tlh" in capsys.readouterr().err


@pytest.mark.parametrize("one", list(every_parser(parser("zh"))), ids=lambda one: one.prog)
def test_every_help(one):
    said = one.format_help()
    check(SYNTAX.sub("", said))
    assert max(map(len, said.splitlines())) <= 90


def test_the_main_help_as_a_user_asks_for_it(disk, capsys):
    with pytest.raises(SystemExit) as ended:
        run(disk, "--language", "zh", "--help")
    assert ended.value.code == 0
    check(SYNTAX.sub("", capsys.readouterr().out))


@pytest.fixture
def chinese(monkeypatch):
    monkeypatch.setenv(LANGUAGE_SETTING, "zh")


@pytest.fixture
def selfies(tmp_path) -> Path:
    folder = tmp_path / "自拍"
    folder.mkdir()
    for number in (1, 2):
        save(draw_faces((320, 320), [((160, 150), 100 + number, (220, 120, 90))]), folder / f"{number}.png")
    (folder / "3.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture
def disk(tmp_path) -> FakeStudio:
    return FakeStudio(Paths(tmp_path / "data", tmp_path / "models"))


def said_of(capsys) -> str:
    shown = capsys.readouterr()
    return str(shown.out + shown.err)


@pytest.mark.usefixtures("chinese")
def test_the_whole_journey(disk, selfies, tmp_path, capsys):
    photos, template = ("--photos", selfies), ("--template", selfies / "1.png")
    journey = [
        (("persons", "list"), 0),
        (("train", "--name", "mei", *photos, "--check"), 0),
        (("train", "--name", "mei", *photos, "--consent"), 0),
        (("persons", "list"), 0),
        (("persons", "rename", "mei", "小梅"), 0),
        (("portrait", "--person", "mei", *template, "--out", tmp_path / "out"), 0),
        (("portrait", "--person", "mei", "--template", selfies, "--out", tmp_path / "out"), 6),
        (("quick", *photos, *template, "--consent", "--out", tmp_path / "out"), 0),
        (("persons", "export", "mei", tmp_path / "m.zip"), 0),
        (("persons", "remove", "mei", "--yes"), 0),
        (("persons", "import", tmp_path / "m.zip"), 0),
        (("models",), 0),
    ]
    for command, code in journey:
        assert run(disk, *command) == code, command
        check(said_of(capsys))


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("persons", "remove", "mei"), 2),
        (("persons", "show", "nobody"), 2),
        (("train", "--name", "a", "--photos", "nowhere"), 2),
        (("portrait", "--person", "nobody", "--template", "1.png"), 2),
        (("portrait", "--person", "nobody", "--template", "3.jpg"), 2),
    ],
)
def test_refusals(command, code, disk, selfies, monkeypatch, capsys):
    monkeypatch.chdir(selfies)
    assert run(disk, *command) == code
    check(said_of(capsys))


@pytest.mark.usefixtures("chinese")
def test_failures_and_notes(disk, photos, capsys):
    disk.fails = errors.NoFace(
        "photos.none-usable", stage="check photos", count=1, each=[message("photo.no-face")], few=5
    )
    assert run(disk, "train", "--name", "a", "--photos", photos, "--consent") == 3
    check(said_of(capsys))


@pytest.mark.usefixtures("chinese")
def test_the_doctor(disk, tmp_path, capsys):
    run(disk, "doctor", "--data", tmp_path)
    check(said_of(capsys))
    run(disk, "doctor", "--data", tmp_path, "--json")
    findings = json.loads(capsys.readouterr().out)["findings"]
    coded = [one for one in findings if one["value_message"]]
    assert coded and all(one["value_message"]["text"] == one["value"] for one in coded)


@pytest.mark.usefixtures("chinese")
def test_the_demo_and_its_report(disk, selfies, tmp_path, monkeypatch, capsys):
    disk.faces.recognizer = SimpleNamespace(same=0.6)
    out = tmp_path / "report"
    given = ("--photos", selfies, "--template", selfies / "1.png", selfies / "3.jpg", "--consent")
    assert run(disk, "demo", *given, "--out", out) == 6
    check(said_of(capsys))
    page = (out / "report.html").read_text(encoding="utf-8")
    page = re.sub(r"<style.*?</style>", "", page, flags=re.S)
    named = re.findall(r'(?:aria-label|title|alt)="([^"]*)"', page)
    shown = re.sub(r"<[^>]+>", " | ", re.sub(r"<td>.*?</td>", "", page))  # the settings' own values
    check(" | ".join([shown, *named]))
    assert '<html lang="zh">' in page


def test_a_progress_line(capsys, selfies, disk):
    assert run(disk, "train", "--name", "a", "--photos", selfies, "--consent", "--language", "zh") == 0
    assert "损失 1" in capsys.readouterr().err
