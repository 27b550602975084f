"""The panels without a browser: they build, and their handlers do what a click asks for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from fake_studio import make_person
from ui_world import broken, desk_in, drafted, group, selfie

from easyphoto.domain import TrainRequest
from easyphoto.errors import MissingModel
from easyphoto.jobs import Job, JobFile, JobQueue, Kind
from easyphoto.ui.context import UiContext, changed_updates, message
from easyphoto.ui.people_panel import PeoplePanel
from easyphoto.ui.people_view import Opened
from easyphoto.ui.portrait_panel import PortraitPanel
from easyphoto.ui.selection import Selection
from easyphoto.ui.tab import build, own_assets
from easyphoto.ui.train_panel import TrainPanel

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = "shipped/two_friends.png"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[UiContext]:
    with desk_in(tmp_path) as desk:
        yield desk


def ended(queue: JobQueue, job: Job) -> Job:
    limit = time.monotonic() + 20
    while not queue.get(job.id).over:
        assert time.monotonic() < limit
        time.sleep(0.02)
    return queue.get(job.id)


def click(**said: object) -> str:
    return json.dumps(said)


def built_train(desk: UiContext) -> TrainPanel:
    import gradio as gr

    panel = TrainPanel(desk)
    with gr.Blocks():
        panel.build()
    return panel


# ---------------------------------------------------------------- building


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_tab_builds_with_the_gradio_that_is_here(tmp_path: Path, language: str):
    with desk_in(tmp_path, language) as desk:
        blocks = build(desk, own_assets())
        names = {getattr(block, "elem_id", None) for block in blocks.blocks.values()}
    assert {"easyphoto", "ep-train-start", "ep-portrait-go", "ep-people-list", "ep-doctor-run"} <= names


def test_no_file_outside_gradios_cache_is_allowed_out():
    text = (ROOT / "easyphoto" / "ui" / "compat.py").read_text(encoding="utf-8")
    assert '"allowed_paths": []' in text
    assert not any("allowed_paths=" in f.read_text(encoding="utf-8") for f in (ROOT / "easyphoto").rglob("*.py"))


def test_building_the_tab_loads_no_torch(tmp_path: Path):
    code = (
        "import sys, pathlib; sys.path[:0] = ['tests', 'tests/ui'];"
        "from ui_world import desk_in; from easyphoto.ui.tab import build\n"
        f"with desk_in(pathlib.Path({str(tmp_path)!r})) as desk: build(desk)\n"
        "print(sorted({'torch', 'diffusers', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["EASYPHOTO_GRADIO_3", "EASYPHOTO_GRADIO_4"])
def test_the_tab_builds_with_the_hosts_gradio(tmp_path: Path, variable: str):
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"{variable} names no Python with that gradio")
    code = (
        "import sys, pathlib; sys.path[:0] = ['.', 'tests', 'tests/ui'];"
        "from ui_world import desk_in; from easyphoto.ui.tab import build, own_look; import gradio\n"
        f"with desk_in(pathlib.Path({str(tmp_path)!r})) as desk: build(desk); build(desk, own_look())\n"
        "print(gradio.__version__[0])"
    )
    done = subprocess.run([python, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == variable[-1], done.stderr


# ---------------------------------------------------------------- keeping the page fresh


def test_only_what_changed_is_sent():
    updates, shown = changed_updates({}, {"a": "1", "b": "2"})
    assert [u.get("value") for u in updates] == ["1", "2"]
    updates, shown = changed_updates(shown, {"a": "1", "b": "3"})
    assert ["value" in u for u in updates] == [False, True]
    assert changed_updates(None, {"a": "1"})[0][0]["value"] == "1"


@pytest.mark.parametrize("text", ["", "null", "[1]", "{", '"x"'])
def test_rubbish_in_the_hidden_field_says_nothing(text: str):
    assert message(text) == {}


# ---------------------------------------------------------------- training


def test_a_check_brings_its_verdicts_and_leaves_no_copies(desk: UiContext, tmp_path: Path):
    panel = TrainPanel(desk)
    files = [selfie(tmp_path / "a.png"), broken(tmp_path / "b.jpg")]
    _, draft, checking, *_ = panel.on_check(drafted(*files), "", {})
    ended(desk.jobs, desk.jobs.get(checking))
    _, draft, checking, *_ = panel.on_tick(draft, checking, {})
    assert [photo.verdict for photo in draft] == ["keep", "drop"]
    assert checking == ""
    assert desk.jobs.list(Kind.CHECK) == []


def test_a_check_that_fails_says_why(tmp_path: Path):
    with desk_in(tmp_path, fails=MissingModel("A face model is missing.", remedy="Fetch it.")) as desk:
        panel, file = TrainPanel(desk), selfie(tmp_path / "a.png")
        _, draft, checking, *_ = panel.on_check(drafted(file), "", {})
        ended(desk.jobs, desk.jobs.get(checking))
        trouble, draft, checking, *_ = panel.on_tick(draft, checking, {})
    assert "A face model is missing." in trouble
    assert "Fetch it." in trouble
    assert (checking, draft[0].verdict) == ("", "")


def test_a_check_of_nothing_is_refused(desk: UiContext):
    assert 'role="alert"' in TrainPanel(desk).on_check((), "", {})[0]


def test_training_is_refused_early_and_then_done(desk: UiContext, tmp_path: Path):
    panel = built_train(desk)
    draft = drafted(selfie(tmp_path / "a.png"))
    values = {name: widget.value for name, widget in panel.form.widgets.items()}
    refused = panel.on_start(draft, "", {}, *values.values())[0]
    assert "name" in refused
    assert "agrees" in refused
    assert panel.on_start((), "", {}, *(values | {"person": "Ada", "consent": True}).values())[0]
    started = panel.on_start(draft, "", {}, *(values | {"person": "Ada", "consent": True}).values())
    assert started[0] == ""
    job = ended(desk.jobs, desk.jobs.list(Kind.TRAIN)[0])
    assert [p.name for p in desk.people()] == ["Ada"]
    assert any("Ada is ready" in str(part) for part in panel.on_tick(draft, "", {}))
    assert "exists" in panel.on_start(draft, "", {}, *(values | {"person": "ada", "consent": True}).values())[0]
    panel.on_job(click(do="delete", job=job.id), draft, "", {})
    assert desk.jobs.list(Kind.TRAIN) == []


def test_the_log_is_delivered_in_the_page(desk: UiContext, tmp_path: Path):
    panel = built_train(desk)
    values = {name: widget.value for name, widget in panel.form.widgets.items()}
    draft = drafted(selfie(tmp_path / "a.png"))
    panel.on_start(draft, "", {}, *(values | {"person": "Ada", "consent": True}).values())
    job = ended(desk.jobs, desk.jobs.list(Kind.TRAIN)[0])
    assert 'download="easyphoto-' in panel.on_job(click(do="log", job=job.id), draft, "", {})[0]


def test_a_job_that_is_gone_is_told_not_raised(desk: UiContext):
    assert 'role="alert"' in TrainPanel(desk).on_job(click(do="cancel", job="../x"), (), "", {})[1]


# ---------------------------------------------------------------- portraits


def test_from_template_to_portrait_to_another_seed(desk: UiContext):
    import gradio as gr

    person = make_person(desk.studio.paths, "Ada")
    panel = PortraitPanel(desk)
    with gr.Blocks():
        panel.build(gr.Textbox())
    _, _, sitting, *_ = panel.on_box(click(do="toggle", template=SHIPPED), Selection(), {})
    assert sitting.person == person.id
    _, _, sitting, *_ = panel.on_box(click(do="cast", template=SHIPPED, face=0, person=person.id), sitting, {})
    values = [widget.value for widget in panel.form.all_widgets()]
    assert panel.on_generate(sitting, {}, *values)[0] == ""
    job = ended(desk.jobs, desk.jobs.list(Kind.PORTRAIT)[0])
    assert job.request["persons"] == [person.id, person.id]
    assert any("Same again" in str(part) for part in panel.on_tick(sitting, {}))
    out, *_ = panel.on_box(click(do="download", job=job.id, portrait=0), sitting, {})
    assert "data:image/png;base64," in out
    panel.on_box(click(do="again", job=job.id, portrait=0), sitting, {})
    again = desk.jobs.list(Kind.PORTRAIT)[0]
    assert again.request["seed"] == -1
    assert again.request | {"seed": 0} == job.request | {"seed": 0}


@pytest.mark.parametrize("said", [{"do": "download", "job": "x"}, {"do": "remove", "template": SHIPPED}])
def test_what_cannot_be_is_told_not_raised(desk: UiContext, said: dict):
    assert 'role="alert"' in PortraitPanel(desk).on_box(json.dumps(said), Selection(), {})[1]


def test_nothing_is_generated_without_a_template_or_a_person(desk: UiContext):
    panel = PortraitPanel(desk)
    assert "template" in panel.on_generate(Selection(), {})[0]
    assert "person" in panel.on_generate(Selection().toggled(SHIPPED), {})[0]


def test_a_bad_template_is_named_and_the_good_one_is_chosen(desk: UiContext, tmp_path: Path):
    files = [str(group(tmp_path / "we two.png")), str(broken(tmp_path / "half.jpg")), str(broken(tmp_path / "x.gif"))]
    _, troubles, sitting, *_ = PortraitPanel(desk).on_upload(files, Selection(), {})
    assert "half.jpg" in troubles
    assert "x.gif" in troubles
    assert len(sitting.chosen) == 1
    assert desk.shelf.spots(sitting.chosen)[sitting.chosen[0]][1].width > 0.2
    desk.shelf.remove(sitting.chosen[0])
    assert [card.id for card in desk.shelf.cards()] == [SHIPPED]


# ---------------------------------------------------------------- people


def test_a_person_is_renamed_exported_deleted_and_imported(desk: UiContext):
    person, panel = make_person(desk.studio.paths, "Ada"), PeoplePanel(desk)
    panel.on_box(click(do="rename", person=person.id, text="Ada L."), Opened(), {})
    assert desk.people()[0].name == "Ada L."
    kept = str(desk.studio.library.export(person.id, desk.studio.paths.root / "kept.zip"))
    wrong = panel.on_box(click(do="delete", person=person.id, text="Ada"), Opened(), {})[1]
    assert 'role="alert"' in wrong
    assert len(desk.people()) == 1
    assert "is deleted" in panel.on_box(click(do="delete", person=person.id, text="Ada L."), Opened(), {})[1]
    assert desk.people() == []
    assert "is here now" in panel.on_import(kept, Opened(), {})[1]
    assert desk.people()[0].name == "Ada L."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"losses": [[1, 0.5], [2, 0.25]], "likeness_by_step": {"2": 0.4}, "votes": {"2": 1.0}}', "0.400"),
        ('{"losses": [["<b>", null]]}', "damaged"),
        ('{"losses": 7}', "damaged"),
        ("[1]", "damaged"),
        ("{", "damaged"),
        ('{"votes": {"<script>": 1}}', "damaged"),
        ('{"seconds": {"<script>": 1e400}}', "damaged"),
    ],
)
def test_the_training_report_opens_in_the_page_whatever_is_in_it(desk: UiContext, text: str, words: str):
    person, panel = make_person(desk.studio.paths, "Ada"), PeoplePanel(desk)
    (person.folder / "report.json").write_text(text, encoding="utf-8")
    told = replace(person, report=person.folder / "report.json")
    html = panel._report_html(told)
    assert words in html
    assert "<script>" not in html
    assert "data:application/json" in panel._report(told)


def test_a_person_is_exported_by_the_api(desk: UiContext):
    person, panel = make_person(desk.studio.paths, "Ädä"), PeoplePanel(desk)
    html = "".join(str(part) for part in panel.on_tick(Opened(), {}))
    assert f'href="../easyphoto/v1/persons/{quote(person.id)}/export" download' in html


def test_whoever_is_deleted_leaves_no_photos_behind(desk: UiContext, tmp_path: Path):
    photo = JobFile(selfie(tmp_path / "a.png"), "a.png")
    job = ended(desk.jobs, desk.jobs.submit(Kind.TRAIN, TrainRequest(person="Ada", consent=True), [photo]))
    PeoplePanel(desk).on_box(click(do="delete", person="ada", text="Ada"), Opened(), {})
    assert desk.people() == []
    assert not (desk.studio.paths.jobs / job.id).exists()


def test_a_zip_that_is_none_is_told(desk: UiContext, tmp_path: Path):
    assert 'role="alert"' in PeoplePanel(desk).on_import(str(broken(tmp_path / "x.zip")), Opened(), {})[1]


def test_an_empty_library_says_what_to_do_first(desk: UiContext):
    assert any("Go to Train" in str(part) for part in PeoplePanel(desk).on_tick(Opened(), {}))


def test_the_queue_refuses_what_is_out_of_bounds(desk: UiContext, tmp_path: Path):
    panel = built_train(desk)
    values = {name: widget.value for name, widget in panel.form.widgets.items()}
    draft = drafted(selfie(tmp_path / "a.png"))
    out = panel.on_start(draft, "", {}, *(values | {"person": "A", "consent": True, "rank": 999}).values())[0]
    assert "rank" in out
