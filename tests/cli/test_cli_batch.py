"""``easyphoto batch``: the table, and what is said of it."""

import json
from pathlib import Path

import pytest
from cli_world import run
from fake_studio import FakeStudio
from PIL import Image

from easyphoto.domain import ModelFamily, TrainRequest


@pytest.fixture
def plan(tmp_path: Path, photos: Path) -> Path:
    """Two persons, one of whom has settings of her own and two templates."""
    for color in ("blue", "green"):
        Image.new("RGB", (40, 40), color).save(tmp_path / f"{color}.png")
    file = tmp_path / "plan.csv"
    file.write_text(
        "person,photos,templates,consent,train.max_steps,portrait.seed,portrait.retouch\n"
        f"Ana,{photos.name},blue.png; green.png,yes,20,7,yes\n"
        f'"Bo, Jr.",{photos.name}/1.png;{photos.name}/2.JPG,,是,,,\n',
        encoding="utf-8-sig",  # as spreadsheets write it
    )
    return file


def answer(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out)


def test_a_table_becomes_persons_and_portraits(studio: FakeStudio, plan: Path, capsys: pytest.CaptureFixture[str]):
    assert run(studio, "batch", plan, "--json") == 0
    tasks = answer(capsys)["tasks"]
    assert [task["name"] for task in tasks] == ["Ana", "Ana: blue.png", "Ana: green.png", "Bo, Jr."]
    assert Path(tasks[1]["file"]).parent == plan.parent / "plan-portraits" / "ana"
    ana, bo = studio.requests("train")
    assert (ana.max_steps, ana.consent, bo.max_steps) == (
        20,
        True,
        TrainRequest.for_family(ModelFamily.BUILTIN).max_steps,
    )
    assert [(one.seed, one.retouch) for one in studio.requests("portrait")] == [(7, True)] * 2
    assert run(studio, "batch", plan) == 0
    assert "4 done before" in capsys.readouterr().out


def test_one_who_fails_is_named_and_the_rest_is_done(
    studio: FakeStudio, plan: Path, capsys: pytest.CaptureFixture[str]
):
    plan.write_text(plan.read_text(encoding="utf-8-sig").replace(",yes,20", ",no,20"), encoding="utf-8")
    assert run(studio, "batch", plan) == 6
    said = capsys.readouterr().out
    assert "1 done, 0 done before, 3 not done" in said


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ("person,photos,consent,train.stepps\nAna,.,yes,3\n", "batch.unknown-columns"),
        ("person,photos,consent,train.consent\nAna,.,yes,yes\n", "batch.unknown-columns"),
        ("person,photos\nAna,.\n", "batch.missing-columns"),
        ("", "batch.missing-columns"),
        ("person,photos,consent\n", "batch.empty"),
        ("person,photos,consent\nAna,{photos},yes\nAna,{photos},yes\n", "batch.twice"),
        ("person,photos,consent\nAna,{photos},maybe\n", "batch.no-yes-or-no"),
        ("person,photos,consent\nAna,{photos},yes,no\n", "batch.extra-cells"),
        ("person,photos,consent,train.rank\nAna,{photos},yes,many\n", "batch.no-number"),
        ("person,photos,consent,train.rank\nAna,{photos},yes,9999\n", "request.out-of-bounds"),
        ("person,photos,consent\nAna,nowhere,yes\n", "picture.no-file-or-folder"),
        ("person,photos,consent\nAn\udce4,{photos},yes\n", "batch.no-table"),
    ],
)
def test_what_a_table_cannot_say_is_told_with_its_place(
    studio: FakeStudio, tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str], table: str, code: str
):
    file = tmp_path / "plan.csv"
    file.write_text(table.replace("{photos}", photos.name), encoding="utf-8", errors="surrogateescape")
    assert run(studio, "batch", file, "--json") in (2, 3)
    assert answer(capsys)["error"]["code"] == code
    assert studio.calls == []
