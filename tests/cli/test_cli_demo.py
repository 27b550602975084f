"""The demo on the console: report, figures, its own earlier run, consent."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from cli_world import run


@pytest.fixture
def samples(monkeypatch, photos):
    import sys

    def make_samples(paths, folder, faces, seed=0):
        return SimpleNamespace(photos=(photos / "1.png", photos / "2.JPG"), templates=(photos / "10.jpg",))

    monkeypatch.setitem(sys.modules, "easyphoto.demo.samples", SimpleNamespace(make_samples=make_samples))


def test_demo_needs_nothing_and_writes_report_and_figures(studio, samples, tmp_path, capsys):
    out = tmp_path / "new" / "out 演示"
    assert run(studio, "demo", "--out", out, "--max-steps", "3") == 0
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    (portrait,) = result["portraits"]
    assert portrait["likeness_before"] == 0.9 and portrait["likeness_after"] == 0.4
    assert portrait["file"] == "portraits/0.png"
    assert {"samples", "training", "portrait"} <= set(result["seconds"]) and result["peak_rss_mb"] > 10
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "2.JPG" in page and "resembles the person" in page and "data:image/jpeg" in page
    assert str(out / "report.html") in capsys.readouterr().out
    assert studio.requests("portrait")[0].persons == ("demo",) and studio.library.open("demo")


def test_demo_forgets_its_own_earlier_run_and_nothing_else(studio, samples, tmp_path):
    out = tmp_path / "out"
    (out / "portraits").mkdir(parents=True)
    for name in ("mine.png", "old.png"):
        (out / "portraits" / name).touch()
    (out / "result.json").write_text('{"portraits": [{"file": "portraits/old.png"}]}', encoding="utf-8")
    assert run(studio, "demo", "--out", out) == 0 and run(studio, "demo", "--out", out) == 0
    assert [file.name for file in sorted((out / "portraits").iterdir())] == ["1.png", "mine.png"]
    assert {person.id for person in studio.library.list()} == {"demo", "mei"}


def test_demo_with_own_photos_does_not_assume_consent(studio, samples, photos, tmp_path):
    arguments = ["demo", "--photos", photos, "--template", photos / "1.png", "--out", tmp_path / "o"]
    assert run(studio, *arguments) == 2
    assert run(studio, *arguments, "--consent") == 0
    assert [request.consent for request in studio.requests("train")] == [False, True]
    assert studio.calls[-2][2] == ("1.png", "2.JPG", "10.jpg")
