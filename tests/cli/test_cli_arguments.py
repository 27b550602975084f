"""Arguments become requests: photos, verdicts, every option of the requests, defaults of the family."""

from __future__ import annotations

from dataclasses import fields

import pytest
from cli_world import run

from easyphoto import errors
from easyphoto.cli import app
from easyphoto.cli.arguments import photos_of, pictures_in
from easyphoto.domain import (
    ModelFamily,
    PortraitRequest,
    TrainRequest,
    options_of,
)


def test_photos_come_in_natural_order_without_strangers(photos):
    assert [file.name for file in pictures_in([photos])] == ["1.png", "2.JPG", "10.jpg"]


def test_a_named_file_is_taken_whatever_its_ending_and_once(photos):
    assert pictures_in([photos / "notes.txt", photos / "notes.txt"]) == [photos / "notes.txt"]


def test_no_picture_and_no_place_are_different_failures(tmp_path):
    with pytest.raises(errors.BadRequest):
        pictures_in([tmp_path])
    with pytest.raises(errors.NotFound):
        pictures_in([tmp_path / "nowhere"])


def test_verdicts_of_the_user_reach_their_photo(photos):
    assert [p.override for p in photos_of([photos], keep=["1.png"], drop=["10.jpg"])] == ["keep", "", "drop"]
    with pytest.raises(errors.BadRequest, match=r"x\.png"):
        photos_of([photos], keep=["x.png"])


@pytest.mark.parametrize(("command", "kind"), [("train", TrainRequest), ("portrait", PortraitRequest)])
def test_every_option_of_the_requests_is_an_argument(command, kind, capsys):
    with pytest.raises(SystemExit) as ended:
        app.main([command, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for name in options_of(kind):
        if name not in ("person", "consent"):
            assert "--" + name.replace("_", "-") in said


def sample_of(name, default, rule):
    """(argument text, value) that differs from the default and is within bounds."""
    if rule.choices:
        value = next(choice for choice in rule.choices if choice != default)
    elif isinstance(default, str):
        value = "sd-other"
    elif isinstance(default, int):
        value = int(rule.low) + 3 if int(rule.low) + 3 != default else int(rule.low) + 4
    else:
        value = rule.high
    return str(value), value


@pytest.mark.parametrize(
    "name",
    [f.name for f in fields(TrainRequest) if f.name not in ("person", "consent")],
)
def test_each_training_option_arrives(name, studio, photos):
    rule = options_of(TrainRequest)[name]
    default = getattr(TrainRequest.for_family(ModelFamily.BUILTIN), name)
    if isinstance(default, bool):
        arguments, value = [f"--{'no-' if default else ''}{name.replace('_', '-')}"], not default
    else:
        text, value = sample_of(name, default, rule)
        arguments = ["--" + name.replace("_", "-"), text]
    more = ["--rank", "320"] if name == "alpha" else ["--alpha", "1"] if name == "rank" else []
    assert run(studio, "train", "--name", "mei2", "--photos", photos, "--consent", *arguments, *more) == 0
    assert getattr(studio.requests("train")[0], name) == value


def test_the_family_of_the_base_model_brings_its_defaults(studio, photos):
    run(studio, "train", "--name", "a", "--photos", photos)
    assert studio.requests("train")[-1] == TrainRequest.for_family(ModelFamily.BUILTIN, person="a")
    run(studio, "train", "--name", "a", "--photos", photos, "--base-model", "sd15", "--consent")
    assert studio.requests("train")[-1] == TrainRequest(person="a", base_model="sd15", consent=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--name", "a"],
        ["train", "--name", "a", "--photos", ".", "--rank", "0"],
        ["train", "--name", "a", "--photos", ".", "--rank", "many"],
        ["train", "--name", "a", "--photos", ".", "--learning-rate", "nan"],
        ["train", "--name", "a", "--photos", ".", "--precision", "fp8"],
        ["portrait", "--template", "a.png"],
        ["persons"],
        ["dance"],
        [],
    ],
)
def test_bad_arguments_end_with_two(arguments, studio):
    with pytest.raises(SystemExit) as ended:
        run(studio, *arguments)
    assert ended.value.code == 2
