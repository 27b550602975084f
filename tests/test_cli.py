"""The console: arguments become requests, results become answers, failures become exit codes."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from rich.console import Console

from easyphoto import errors
from easyphoto.cli import app
from easyphoto.cli.arguments import photos_of, pictures_in
from easyphoto.cli.terminal import ProgressLines, progress
from easyphoto.deletion import Deletion
from easyphoto.domain import (
    Box,
    Checkpoint,
    FaceScore,
    LikenessLevel,
    ModelFamily,
    Person,
    PhotoReport,
    Portrait,
    PortraitRequest,
    TrainRequest,
    Verdict,
    options_of,
)
from easyphoto.locales import message, plain
from easyphoto.progress import Cancelled, Step


class FakeLibrary:
    def __init__(self) -> None:
        self.people = {"mei": Person("mei", "Mei 梅", Path("p/mei"), None, Path("r.png"), None, (Path("1.png"),))}
        self.done: list[tuple] = []
        self.left: tuple[Path, ...] = ()

    def list(self):
        return list(self.people.values())

    def open(self, person):
        if person not in self.people:
            raise errors.NotFound("plain", text=f"There is nobody called {person}.", stage="library", remedy="")
        return self.people[person]

    def rename(self, person, name):
        return replace(self.open(person), name=name)

    def remove(self, person):
        self.done.append(("remove", self.people.pop(person).id))
        return Deletion(7, 2_000_000, portraits=1, uploads=0, lora_copies=0, jobs=2, left=self.left)

    def export(self, person, file):
        self.done.append(("export", person, file))
        return file

    def import_(self, file):
        self.done.append(("import", file))
        return self.people["mei"]


class FakeStudio:
    """Records what it is asked; `trouble` is raised by whatever works."""

    def __init__(self) -> None:
        self.library = FakeLibrary()
        self.engine = self
        self.faces = SimpleNamespace(recognizer=SimpleNamespace(same=0.6))
        self.trouble: BaseException | None = None
        self.failures: tuple = ()
        self.request = self.photos = self.templates = self.out = None

    def checkpoints(self):
        return [Checkpoint("built-in", ModelFamily.BUILTIN)]

    def checkpoint(self, name):
        if name == "missing":
            raise errors.MissingModel(
                "plain", text="There is no such model.", stage="models", remedy="Put it somewhere."
            )
        return Checkpoint(name, ModelFamily.SD15 if name.startswith("sd") else ModelFamily.BUILTIN)

    def _work(self, report):
        report(Step("work", 0, 2))
        if self.trouble:
            raise self.trouble
        report(Step("work", 2, 2, figures={"loss": 0.5}))

    def check_photos(self, photos, report):
        self._work(report)
        return tuple(PhotoReport(photo.name, Verdict.KEEP, ()) for photo in photos)

    def quick(self, request, pictures, report, out=None):
        self.photos, templates = pictures
        self.consent = request.consent
        reports = self.check_photos(self.photos, report)
        batch = self.portrait(request.portrait, templates, report, out)
        return SimpleNamespace(batch=batch, reports=reports, warnings=(plain("Only 3 photos."),))

    def remove_person(self, person_id):
        return self.library.remove(person_id)

    def train(self, request, photos, report):
        self.request, self.photos = request, photos
        reports = self.check_photos(photos, report)
        self.library.people[request.person] = replace(
            self.library.people["mei"], id=request.person, name=request.person
        )
        return SimpleNamespace(
            person=self.library.people[request.person],
            reports=reports,
            losses=((1, 0.5),),
            distance_by_step={1: 0.4},
            votes={1: 1.0},
            seconds={"photos": 1.0},
            warnings=(plain("Only one photo."),),
            notes=(message("training.no-lora"),),
        )

    def portrait(self, request, templates, report, out=None):
        self.request, self.templates, self.out = request, templates, out
        self._work(report)
        score = FaceScore("mei", Box(0, 0, 1, 1), 0.8, 0.4, LikenessLevel.SAME_PERSON)
        picture = Image.new("RGB", (8, 8), "red")
        portraits = tuple(
            Portrait(picture, t.name, (score,), 5, "settings", file=(out or Path()) / f"{t.file.stem}-5.png")
            for t in templates[len(self.failures) :]
        )
        return SimpleNamespace(portraits=portraits, failures=self.failures)


@pytest.fixture
def studio():
    return FakeStudio()


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "selfies 自拍"
    folder.mkdir()
    for name in ("10.jpg", "2.JPG", "1.png", "notes.txt", ".hidden.jpg"):
        Image.new("RGB", (4, 4)).save(folder / name, "PNG")
    return folder


def run(studio, *arguments):
    return app.main([str(argument) for argument in arguments], lambda root: studio)


# ---------------------------------------------------------------- arguments


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
    assert getattr(studio.request, name) == value


def test_the_family_of_the_base_model_brings_its_defaults(studio, photos):
    run(studio, "train", "--name", "a", "--photos", photos)
    assert studio.request == TrainRequest.for_family(ModelFamily.BUILTIN, person="a")
    run(studio, "train", "--name", "a", "--photos", photos, "--base-model", "sd15", "--consent")
    assert studio.request == TrainRequest(person="a", base_model="sd15", consent=True)


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


# ---------------------------------------------------------------- commands


def test_train_says_what_is_next(studio, photos, capsys):
    assert run(studio, "train", "--name", "mei2", "--photos", photos, "--consent") == 0
    said = capsys.readouterr().out
    assert "--person mei2" in said and "Only one photo." in said and "10.jpg" in said
    assert "No LoRA was trained" in said and "is trained" not in said


def test_check_trains_nothing(studio, photos, capsys):
    assert run(studio, "train", "--name", "x", "--photos", photos, "--check", "--json") == 0
    assert [photo["name"] for photo in json.loads(capsys.readouterr().out)["photos"]] == ["1.png", "2.JPG", "10.jpg"]
    assert studio.request is None


def test_portrait_gives_files_and_likeness(studio, photos, tmp_path, capsys):
    arguments = ["portrait", "--person", "mei", "-", "--template", photos / "1.png", "--out", tmp_path, "--seed", "9"]
    assert run(studio, *arguments, "--json") == 0
    (portrait,) = json.loads(capsys.readouterr().out)["portraits"]
    assert portrait["file"] == str(tmp_path / "1-5.png") and portrait["likeness"][0]["after"] == 0.4
    assert studio.request.persons == ("mei", "") and studio.request.seed == 9


def test_a_part_of_the_templates_failed(studio, photos, capsys):
    studio.failures = (errors.NoFace("plain", text="No face here.", file="1.png", remedy=""),)
    assert run(studio, "portrait", "--person", "mei", "--template", photos) == 6
    assert "No face here." in capsys.readouterr().out


def test_all_templates_failed(studio, photos):
    studio.failures = (errors.NoFace("plain", text="No face here.", file="1.png", remedy=""),)
    assert run(studio, "portrait", "--person", "mei", "--template", photos / "1.png") == 3


def test_persons(studio, tmp_path, capsys):
    assert run(studio, "persons", "list") == 0
    assert "Mei 梅" in capsys.readouterr().out
    assert run(studio, "persons", "show", "mei", "--json") == 0
    assert json.loads(capsys.readouterr().out)["photos"] == 1
    assert run(studio, "persons", "rename", "mei", "小梅") == 0
    assert run(studio, "persons", "export", "mei", tmp_path / "m.zip") == 0
    assert run(studio, "persons", "import", tmp_path / "m.zip") == 0
    assert run(studio, "persons", "show", "nobody") == 2
    assert studio.library.done == [("export", "mei", tmp_path / "m.zip"), ("import", tmp_path / "m.zip")]


def test_remove_wants_a_yes(studio, capsys):
    assert run(studio, "persons", "remove", "mei") == 2
    assert "mei" in studio.library.people and "--yes" in capsys.readouterr().err
    assert run(studio, "persons", "remove", "mei", "--yes") == 0
    assert "7 files" in capsys.readouterr().out and studio.library.list() == []


def test_files_that_could_not_be_removed_are_named(studio, capsys):
    studio.library.left = (Path("p/mei/open.png"),)
    assert run(studio, "persons", "remove", "mei", "--yes") == 1
    assert "open.png" in capsys.readouterr().out


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


# ---------------------------------------------------------------- failures


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
    studio.trouble = trouble
    arguments = ["train", "--name", "a", "--photos", photos, "--consent"]
    assert run(studio, *arguments) == code
    assert run(studio, *arguments, "--json") == code
    printed = capsys.readouterr().out
    assert json.loads(printed)["exit_code"] == code


def test_a_failure_says_problem_file_and_mend(studio, photos, capsys):
    studio.trouble = errors.TrainingFailed(
        "plain",
        text="The trainer ended.",
        exit_code=9,
        last_lines=("out of memory",),
        log="t.log",
        remedy="Lower the rank.",
    )
    run(studio, "train", "--name", "a", "--photos", photos)
    shown = capsys.readouterr()
    assert shown.out == ""
    for word in ("training: The trainer ended.", "t.log", "out of memory", "Lower the rank."):
        assert word in shown.err


def test_missing_model_of_the_request(studio, photos):
    assert run(studio, "train", "--name", "a", "--photos", photos, "--base-model", "missing") == 4


# ---------------------------------------------------------------- progress and stopping


def test_ctrl_c_stops_at_the_next_sign_of_life():
    before = signal.getsignal(signal.SIGINT)
    with progress(Console(stderr=True), quiet=True) as report:
        report(Step("a", 0, 2))
        os.kill(os.getpid(), signal.SIGINT) if os.name != "nt" else signal.raise_signal(signal.SIGINT)
        with pytest.raises(Cancelled):
            report(Step("a", 1, 2))
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_pipe_gets_few_lines(capsys):
    now = [0.0]
    lines = ProgressLines(Console(width=160), lambda: now[0])
    for done in range(101):
        now[0] += 1
        lines.show(Step("train", done, 100, figures={"loss": 0.25}))
    said = capsys.readouterr().out.splitlines()
    lines.show(Step("train", 100, 100, figures={"loss": 0.25}))
    assert capsys.readouterr().out == ""
    assert len(said) == 11 and said[0].startswith("train 0/100") and said[-1] == "train 100/100 loss 0.25"


def test_names_with_brackets_are_no_markup(studio, capsys):
    studio.library.people["mei"] = replace(studio.library.people["mei"], name="[bold]x[/bold] [/nope]")
    assert run(studio, "persons", "list") == 0
    assert "[bold]x[/bold] [/nope]" in capsys.readouterr().out


# ---------------------------------------------------------------- quick portraits


def test_quick_makes_portraits_of_photos_alone_and_says_what_it_thinks_of_them(studio, photos, tmp_path, capsys):
    asked = ("quick", "--photos", photos, "--template", photos / "1.png", "--consent", "--seed", "3", "--drop", "2.JPG")
    assert run(studio, *asked, "--out", tmp_path / "out", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [photo["name"] for photo in told["photos"]] == ["1.png", "2.JPG", "10.jpg"]
    assert [Path(made["file"]).name for made in told["portraits"]] == ["1-5.png"]
    assert [one["text"] for one in told["warnings"]] == ["Only 3 photos."] and told["failures"] == []
    assert studio.consent and studio.request.seed == 3 and studio.request.persons == ()
    assert [photo.override for photo in studio.photos] == ["", "drop", ""]


def test_quick_without_consent_says_so_to_the_studio(studio, photos):
    assert run(studio, "quick", "--photos", photos, "--template", photos / "1.png") == 0
    assert studio.consent is False


def test_quick_tells_of_templates_that_failed(studio, photos, capsys):
    studio.failures = (errors.NoFace("plain", text="No face was found in the template.", file="1.png", remedy=""),)
    both = ("--template", photos / "1.png", photos / "10.jpg")
    assert run(studio, "quick", "--photos", photos, *both, "--consent") == 6
    assert "not made" in capsys.readouterr().out
    assert run(studio, "quick", "--photos", photos, "--template", photos / "1.png", "--consent") == 3


# ---------------------------------------------------------------- demo


@pytest.fixture
def samples(monkeypatch, photos):
    import sys

    def make_samples(paths, folder, faces, seed=0):
        return SimpleNamespace(photos=(photos / "1.png", photos / "2.JPG"), templates=(photos / "10.jpg",))

    monkeypatch.setitem(sys.modules, "easyphoto.demo.samples", SimpleNamespace(make_samples=make_samples))


def test_demo_needs_nothing_and_writes_report_and_figures(studio, samples, tmp_path, capsys):
    studio.paths = SimpleNamespace(samples=tmp_path)
    out = tmp_path / "new" / "out 演示"
    assert run(studio, "demo", "--out", out, "--max-steps", "3") == 0
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    (portrait,) = result["portraits"]
    assert portrait["likeness_before"] == 0.8 and portrait["likeness_after"] == 0.4
    assert portrait["file"] == "portraits/10-5.png"
    assert {"samples", "photos", "portrait"} <= set(result["seconds"]) and result["peak_rss_mb"] > 10
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "2.JPG" in page and "the same person" in page and "data:image/jpeg" in page
    assert str(out / "report.html") in capsys.readouterr().out
    assert studio.request.persons == ("demo",) and "demo" in studio.library.people


def test_demo_forgets_its_own_earlier_run_and_nothing_else(studio, samples, tmp_path):
    studio.paths = SimpleNamespace(samples=tmp_path)
    out = tmp_path / "out"
    (out / "portraits").mkdir(parents=True)
    for name in ("mine.png", "old.png"):
        (out / "portraits" / name).touch()
    (out / "result.json").write_text('{"portraits": [{"file": "portraits/old.png"}]}', encoding="utf-8")
    assert run(studio, "demo", "--out", out) == 0 and run(studio, "demo", "--out", out) == 0
    assert [file.name for file in (out / "portraits").iterdir()] == ["mine.png"]
    assert ("remove", "demo") in studio.library.done and "mei" in studio.library.people


def test_demo_with_own_photos_does_not_assume_consent(studio, samples, photos, tmp_path):
    studio.paths = SimpleNamespace(samples=tmp_path)
    arguments = ["demo", "--photos", photos, "--template", photos / "1.png", "--out", tmp_path / "o"]
    assert run(studio, *arguments) == 0
    train_requests = []
    studio.train = lambda request, photos, report, train=studio.train: (
        train_requests.append(request) or train(request, photos, report)
    )
    run(studio, *arguments)
    run(studio, *arguments, "--consent")
    assert [request.consent for request in train_requests] == [False, True]
    assert [photo.name for photo in studio.photos] == ["1.png", "2.JPG", "10.jpg"]
