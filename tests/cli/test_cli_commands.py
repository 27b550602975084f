"""Results become answers: training, portraits, persons, models, doctor, quick portraits."""

from __future__ import annotations

import json
from pathlib import Path

from cli_world import run

from easyphoto import deletion
from easyphoto.deletion import Deletion


def test_train_says_what_is_next(studio, photos, capsys):
    assert run(studio, "train", "--name", "mei2", "--photos", photos, "--consent") == 0
    said = capsys.readouterr().out
    assert "--person mei2" in said and "Only 3 photos" in said and "10.jpg" in said
    assert "No LoRA was trained" in said and "is trained" not in said


def test_check_trains_nothing(studio, photos, capsys):
    assert run(studio, "train", "--name", "x", "--photos", photos, "--check", "--json") == 0
    assert [photo["name"] for photo in json.loads(capsys.readouterr().out)["photos"]] == ["1.png", "2.JPG", "10.jpg"]
    assert [kind for kind, _, _ in studio.calls] == ["check"]


def test_portrait_gives_files_and_likeness(studio, photos, tmp_path, capsys):
    arguments = ("portrait", "--person", "mei", "-", "--template", photos / "1.png", "--seed", "9")
    assert run(studio, *arguments, "--out", tmp_path / "out", "--json") == 0
    (portrait,) = json.loads(capsys.readouterr().out)["portraits"]
    assert Path(portrait["file"]).parent == tmp_path / "out" and Path(portrait["file"]).is_file()
    assert portrait["likeness"][0]["after"] == 0.4
    (request,) = studio.requests("portrait")
    assert request.persons == ("mei", "") and request.seed == 9


def test_a_part_of_the_templates_failed(studio, photos, broken, capsys):
    assert run(studio, "portrait", "--person", "mei", "--template", photos, broken) == 6
    assert "broken.jpg" in capsys.readouterr().out


def test_all_templates_failed(studio, broken):
    assert run(studio, "portrait", "--person", "mei", "--template", broken) == 3


def test_persons(studio, tmp_path, capsys):
    assert run(studio, "persons", "list") == 0
    assert "Mei 梅" in capsys.readouterr().out
    assert run(studio, "persons", "show", "mei", "--json") == 0
    assert json.loads(capsys.readouterr().out)["photos"] == len(studio.library.open("mei").photos)
    assert run(studio, "persons", "rename", "mei", "小梅") == 0
    assert run(studio, "persons", "export", "mei", tmp_path / "m.zip") == 0
    assert run(studio, "persons", "import", tmp_path / "m.zip") == 2  # is there already
    studio.library.remove("mei")
    assert run(studio, "persons", "import", tmp_path / "m.zip") == 0
    assert studio.library.open("mei").name == "小梅"
    assert run(studio, "persons", "show", "nobody") == 2


def test_remove_wants_a_yes(studio, capsys):
    files = sum(1 for file in studio.library.open("mei").folder.rglob("*") if file.is_file())
    assert run(studio, "persons", "remove", "mei") == 2
    assert studio.library.open("mei") and "--yes" in capsys.readouterr().err
    assert run(studio, "persons", "remove", "mei", "--yes") == 0
    assert f"{files} files" in capsys.readouterr().out and studio.library.list() == ()


def test_files_that_could_not_be_removed_are_named(studio, capsys, monkeypatch):
    left = Deletion(7, 2_000_000, portraits=1, uploads=0, lora_copies=0, jobs=2, left=(Path("p/mei/open.png"),))
    monkeypatch.setattr(deletion, "delete_person", lambda person_id, studio: left)
    assert run(studio, "persons", "remove", "mei", "--yes") == 1
    assert "open.png" in capsys.readouterr().out


def test_weights_say_the_total_and_want_a_yes(studio, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert run(studio, "weights", "list") == 0
    said = capsys.readouterr().out
    assert "gpen-512" in said and "enhancer-built-in" in said
    assert run(studio, "weights", "list", "--markdown") == 0
    assert "|---|---|" in capsys.readouterr().out.splitlines()[1]
    assert run(studio, "weights", "fetch", "faces-commercial") == 2
    said = capsys.readouterr().err
    assert "4 files to download, 0.46 GB" in said and "--yes" in said and "gfpgan-1.4" in said and "none" not in said
    assert run(studio, "weights", "fetch", "faces-commercial", "--offline") == 4
    assert run(studio, "weights", "fetch", "nothing", "--yes") == 2
    assert not list(studio.paths.weights.rglob("*.safetensors"))


def test_weights_for_commercial_use(studio, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert run(studio, "weights", "fetch", "gpen-512", "--commercial-safe", "--yes") == 2
    assert "gfpgan-1.4" in capsys.readouterr().err
    assert run(studio, "weights", "path", "gpen-512", "--commercial-safe") == 2
    assert run(studio, "weights", "fetch", "faces", "--commercial-safe") == 2
    said = capsys.readouterr().err
    assert "gfpgan-1.4" in said and "stands in" in said


def test_weights_are_brought_checked_and_found(studio, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    stick = tmp_path / "u2net"
    stick.mkdir()
    (stick / "pytorch_model.pt").write_bytes(b"PK\x03\x04 and more")
    assert run(studio, "weights", "path", "u2net") == 4
    assert run(studio, "weights", "import", stick) == 0
    assert "not public" in capsys.readouterr().out
    assert run(studio, "weights", "path", "u2net", "--json") == 0
    path = Path(json.loads(capsys.readouterr().out)["path"])
    assert path.is_file()
    assert run(studio, "weights", "verify") == 0
    path.write_bytes(b"PK\x03\x04 and else")
    assert run(studio, "weights", "verify", "faces") == 4
    assert "u2net" in capsys.readouterr().out
    assert run(studio, "weights", "list", "faces", "--json") == 0
    states = {one["id"]: one["state"] for one in json.loads(capsys.readouterr().out)["weights"]}
    assert states["u2net"] == "damaged" and states["gpen-512"] == "missing"


def test_models(studio, capsys):
    assert run(studio, "models", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["models"][0]["family"] == "built-in"


def test_doctor_names_no_user(studio, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    code = run(studio, "doctor", "--json", "--data", tmp_path / "data")
    found = json.loads(capsys.readouterr().out)
    states = {finding["name"]: finding["state"] for finding in found["findings"]}
    assert code == (0 if found["ok"] else 4)
    assert states["numpy"] == states["torch"] == states["face models"] == states["data folder"] == "ok"
    assert str(tmp_path) not in json.dumps(found)


def test_doctor_names_what_is_missing_and_where_it_belongs(tmp_path):
    from easyphoto.diagnostics import FACE_MODELS, models
    from easyphoto.paths import Paths

    faces, base = models(Paths(tmp_path, tmp_path / "models"))
    assert faces.state == base.state == "missing"
    assert all(name in faces.value for name in FACE_MODELS) and "models" in faces.remedy


def test_names_with_brackets_are_no_markup(studio, capsys):
    studio.library.rename("mei", "[bold]x[/bold] [/nope]")
    assert run(studio, "persons", "list") == 0
    assert "[bold]x[/bold] [/nope]" in capsys.readouterr().out


def test_quick_makes_portraits_of_photos_alone_and_says_what_it_thinks_of_them(studio, photos, tmp_path, capsys):
    asked = ("quick", "--photos", photos, "--template", photos / "1.png", "--consent", "--seed", "3", "--drop", "2.JPG")
    assert run(studio, *asked, "--out", tmp_path / "out", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [photo["name"] for photo in told["photos"]] == ["1.png", "2.JPG", "10.jpg"]
    assert [photo["verdict"] for photo in told["photos"]] == ["keep", "drop", "keep"]
    assert [Path(made["file"]).parent for made in told["portraits"]] == [tmp_path / "out"]
    assert ["Only 3 photos" in one["text"] for one in told["warnings"]] == [True] and told["failures"] == []
    (request,) = studio.requests("quick")
    assert request.consent and request.portrait.seed == 3 and request.portrait.persons == ()


def test_the_templates_skin_can_be_kept(studio, photos):
    asked = ("quick", "--photos", photos, "--template", photos / "1.png", "--consent")
    for more in ((), ("--keep-template-skin",)):
        assert run(studio, *asked, *more) == 0
    assert [request.portrait.keep_template_skin for request in studio.requests("quick")] == [False, True]


def test_a_picture_that_is_drawn_needs_no_template(studio, photos, capsys):
    assert run(studio, "portrait", "--person", "mei", "--from-text", "--variations", "2") == 0
    assert [(one.from_text, one.variations) for one in studio.requests("portrait")] == [(True, 2)]
    assert run(studio, "portrait", "--person", "mei") == 2
    assert "from_text" in capsys.readouterr().err
    assert run(studio, "quick", "--photos", photos, "--consent") == 2


def test_quick_without_consent_says_so_to_the_studio(studio, photos):
    assert run(studio, "quick", "--photos", photos, "--template", photos / "1.png") == 0
    assert [request.consent for request in studio.requests("quick")] == [False]


def test_quick_tells_of_templates_that_failed(studio, photos, broken, capsys):
    both = ("--template", photos / "1.png", broken)
    assert run(studio, "quick", "--photos", photos, *both, "--consent") == 6
    assert "not made" in capsys.readouterr().out
    assert run(studio, "quick", "--photos", photos, "--template", broken, "--consent") == 3
