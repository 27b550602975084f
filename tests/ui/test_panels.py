"""The panels without a browser: they build, and their handlers do what a click asks for."""

from __future__ import annotations

import hashlib
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
from ui_world import broken, desk_in, drafted, group, selfie, uploaded

from easyphoto.domain import TrainRequest
from easyphoto.errors import MissingModel
from easyphoto.jobs import Job, JobFile, JobQueue, Kind
from easyphoto.ui.context import UiContext, changed_updates, message
from easyphoto.ui.people_panel import PeoplePanel
from easyphoto.ui.people_view import Opened
from easyphoto.ui.portrait_panel import PortraitPanel
from easyphoto.ui.quick_view import QuickDraft
from easyphoto.ui.selection import Selection
from easyphoto.ui.tab import build, own_assets
from easyphoto.ui.train_panel import TrainPanel

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = hashlib.sha256(b"shipped/two_friends.png").hexdigest()[:24]


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[UiContext]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    with desk_in(tmp_path) as context:
        yield context


def ended(queue: JobQueue, job: Job) -> Job:
    limit = time.monotonic() + 20
    while not queue.get(job.id).over:
        assert time.monotonic() < limit
        time.sleep(0.02)
    return queue.get(job.id)


def click(**said: object) -> str:
    return json.dumps(said)


def built_train(context: UiContext) -> TrainPanel:
    import gradio as gr

    panel = TrainPanel(context)
    with gr.Blocks():
        panel.build(gr.Textbox(), gr.State(QuickDraft()))
    return panel


# ---------------------------------------------------------------- building


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_tab_builds_with_the_gradio_that_is_here(tmp_path: Path, language: str):
    with desk_in(tmp_path, language) as context:
        blocks = build(context, own_assets())
        names = {getattr(block, "elem_id", None) for block in blocks.blocks.values()}
    assert {"easyphoto", "ep-quick-go", "ep-train-start", "ep-portrait-go", "ep-people-list", "ep-doctor-run"} <= names


def test_no_file_outside_gradios_cache_is_allowed_out():
    text = (ROOT / "easyphoto" / "ui" / "compat.py").read_text(encoding="utf-8")
    assert '"allowed_paths": []' in text
    assert not any("allowed_paths=" in f.read_text(encoding="utf-8") for f in (ROOT / "easyphoto").rglob("*.py"))


def test_building_the_tab_loads_no_torch(tmp_path: Path):
    code = (
        "import sys, pathlib; sys.path[:0] = ['tests', 'tests/ui'];"
        "from ui_world import desk_in; from easyphoto.ui.tab import build\n"
        f"with desk_in(pathlib.Path({str(tmp_path)!r})) as context: build(context)\n"
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
        f"with desk_in(pathlib.Path({str(tmp_path)!r})) as context: build(context); build(context, own_look())\n"
        "print(gradio.__version__[0])"
    )
    done = subprocess.run([python, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == variable[-1], done.stderr


# ---------------------------------------------------------------- keeping the page fresh


def test_only_what_changed_is_sent():
    updates, shown = changed_updates("x", {}, {"a": "1", "b": "2"})
    assert [u.get("value")[0] for u in updates] == ["1", "2"]
    assert all(f'data-ep-shows="x {part} {mark}"' in str(updates) for part, mark in shown.items())
    updates, shown = changed_updates("x", shown, {"a": "1", "b": "3"})
    assert ["value" in u for u in updates] == [False, True]
    assert changed_updates("x", None, {"a": "1"})[0][0]["value"].startswith("1")


@pytest.mark.parametrize("text", ["", "null", "[1]", "{", '"x"'])
def test_rubbish_in_the_hidden_field_says_nothing(text: str):
    assert message(text) == {}


# ---------------------------------------------------------------- training


def test_a_check_brings_its_verdicts_and_leaves_no_copies(context: UiContext, tmp_path: Path):
    panel = TrainPanel(context)
    files = [selfie(tmp_path / "a.png"), broken(tmp_path / "b.jpg")]
    _, draft, checking, *_ = panel.on_check(drafted(*files), "", {})
    ended(context.jobs, context.jobs.get(checking))
    _, draft, checking, *_ = panel.on_tick(draft, checking, {})
    assert [photo.verdict for photo in draft] == ["keep", "drop"]
    assert checking == ""
    assert context.jobs.list(Kind.CHECK) == []


def test_a_check_that_fails_says_why(tmp_path: Path):
    with desk_in(tmp_path, fails=MissingModel("plain", text="A face model is missing.", remedy="Fetch it.")) as context:
        panel, file = TrainPanel(context), selfie(tmp_path / "a.png")
        _, draft, checking, *_ = panel.on_check(drafted(file), "", {})
        ended(context.jobs, context.jobs.get(checking))
        trouble, draft, checking, *_ = panel.on_tick(draft, checking, {})
    assert "A face model is missing." in trouble
    assert "Fetch it." in trouble
    assert (checking, draft[0].verdict) == ("", "")


def test_a_check_of_nothing_is_refused(context: UiContext):
    assert 'role="alert"' in TrainPanel(context).on_check((), "", {})[0]


def test_training_is_refused_early_and_then_done(context: UiContext, tmp_path: Path):
    panel = built_train(context)
    draft = drafted(selfie(tmp_path / "a.png"))
    values = {name: widget.value for name, widget in panel.form.widgets.items()}
    refused = panel.on_start(draft, "", {}, *values.values())[0]
    assert "name" in refused
    assert "agreed" in refused
    assert panel.on_start((), "", {}, *(values | {"person": "Ada", "consent": True}).values())[0]
    started = panel.on_start(draft, "", {}, *(values | {"person": "Ada", "consent": True}).values())
    assert started[0] == ""
    job = ended(context.jobs, context.jobs.list(Kind.TRAIN)[0])
    assert [p.name for p in context.people()] == ["Ada"]
    assert any("Ada is ready" in str(part) for part in panel.on_tick(draft, "", {}))
    assert "exists" in panel.on_start(draft, "", {}, *(values | {"person": "ada", "consent": True}).values())[0]
    panel.on_job(click(do="delete", job=job.id), draft, "", {})
    assert context.jobs.list(Kind.TRAIN) == []


def test_the_log_is_delivered_in_the_page(context: UiContext, tmp_path: Path):
    panel = built_train(context)
    values = {name: widget.value for name, widget in panel.form.widgets.items()}
    draft = drafted(selfie(tmp_path / "a.png"))
    panel.on_start(draft, "", {}, *(values | {"person": "Ada", "consent": True}).values())
    job = ended(context.jobs, context.jobs.list(Kind.TRAIN)[0])
    assert 'download="easyphoto-' in panel.on_job(click(do="log", job=job.id), draft, "", {})[0]


def test_a_job_that_is_gone_is_told_not_raised(context: UiContext):
    assert 'role="alert"' in TrainPanel(context).on_job(click(do="cancel", job="../x"), (), "", {})[1]


# ---------------------------------------------------------------- portraits


def test_from_template_to_portrait_to_another_seed(context: UiContext):
    import gradio as gr

    person = make_person(context.studio.paths, "Ada")
    panel = PortraitPanel(context)
    with gr.Blocks():
        panel.build(gr.Textbox())
    _, _, selection, *_ = panel.on_box(click(do="toggle", template=SHIPPED), Selection(), {})
    assert selection.person == person.id
    _, _, selection, *_ = panel.on_box(click(do="assign", template=SHIPPED, face=0, person=person.id), selection, {})
    values = [widget.value for widget in panel.form.all_widgets()]
    assert panel.on_generate(selection, {}, *values)[0] == ""
    job = ended(context.jobs, context.jobs.list(Kind.PORTRAIT)[0])
    assert job.request["persons"] == [person.id, person.id]
    assert any("Generate again" in str(part) for part in panel.on_tick(selection, {}))
    out, *_ = panel.on_box(click(do="download", job=job.id, portrait="0.png"), selection, {})
    assert "data:image/png;base64," in out
    panel.on_box(click(do="again", job=job.id, portrait="0.png"), selection, {})
    again = context.jobs.list(Kind.PORTRAIT)[0]
    assert again.request["seed"] == -1
    assert again.request | {"seed": 0} == job.request | {"seed": 0}


@pytest.mark.parametrize("said", [{"do": "download", "job": "x"}, {"do": "remove", "template": SHIPPED}])
def test_what_cannot_be_is_told_not_raised(context: UiContext, said: dict):
    assert 'role="alert"' in PortraitPanel(context).on_box(json.dumps(said), Selection(), {})[1]


def test_nothing_is_generated_without_a_template_or_a_person(context: UiContext):
    panel = PortraitPanel(context)
    assert "template" in panel.on_generate(Selection(), {})[0]
    assert "person" in panel.on_generate(Selection().toggled(SHIPPED), {})[0]


def test_a_bad_template_is_named_and_the_good_one_is_chosen(context: UiContext, tmp_path: Path):
    made = [group(tmp_path / "we two.png"), broken(tmp_path / "half.jpg"), broken(tmp_path / "x.gif")]
    files = [uploaded(file) for file in made]
    _, troubles, selection, *_ = PortraitPanel(context).on_upload(files, Selection(), {})
    assert "half.jpg" in troubles
    assert "x.gif" in troubles
    assert len(selection.chosen) == 1
    assert context.templates.face_boxes(selection.chosen)[selection.chosen[0]][1].width > 0.2
    context.templates.remove(selection.chosen[0])
    assert [card.id for card in context.templates.cards()] == [SHIPPED]


# ---------------------------------------------------------------- people


def test_a_person_is_renamed_exported_deleted_and_imported(context: UiContext):
    person, panel = make_person(context.studio.paths, "Ada"), PeoplePanel(context)
    panel.on_box(click(do="rename", person=person.id, text="Ada L."), Opened(), {})
    assert context.people()[0].name == "Ada L."
    kept = context.studio.library.export(person.id, context.studio.paths.root / "kept.zip")
    wrong = panel.on_box(click(do="delete", person=person.id, text="Ada"), Opened(), {})[1]
    assert 'role="alert"' in wrong
    assert len(context.people()) == 1
    assert "is deleted" in panel.on_box(click(do="delete", person=person.id, text="Ada L."), Opened(), {})[1]
    assert context.people() == []
    assert "was imported" in panel.on_import(uploaded(kept), Opened(), {})[1]
    assert context.people()[0].name == "Ada L."


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
def test_the_training_report_opens_in_the_page_whatever_is_in_it(context: UiContext, text: str, words: str):
    person, panel = make_person(context.studio.paths, "Ada"), PeoplePanel(context)
    (person.folder / "report.json").write_text(text, encoding="utf-8")
    told = replace(person, report=person.folder / "report.json")
    html = panel._report_html(told)
    assert words in html
    assert "<script>" not in html
    assert "data:application/json" in panel._report(told)


def test_a_person_is_exported_by_the_api(context: UiContext):
    person, panel = make_person(context.studio.paths, "Ädä"), PeoplePanel(context)
    html = "".join(str(part) for part in panel.on_tick(Opened(), {}))
    assert f'href="../easyphoto/v1/persons/{quote(person.id)}/export" download' in html


def test_whoever_is_deleted_leaves_no_photos_behind(context: UiContext, tmp_path: Path):
    photo = JobFile(selfie(tmp_path / "a.png"), "a.png")
    job = ended(context.jobs, context.jobs.submit(Kind.TRAIN, TrainRequest(person="Ada", consent=True), [photo]))
    PeoplePanel(context).on_box(click(do="delete", person="ada", text="Ada"), Opened(), {})
    assert context.people() == []
    assert not (context.studio.paths.jobs / job.id).exists()


def test_a_zip_that_is_none_is_told(context: UiContext, tmp_path: Path):
    assert 'role="alert"' in PeoplePanel(context).on_import(uploaded(broken(tmp_path / "x.zip")), Opened(), {})[1]


def test_an_empty_library_says_what_to_do_first(context: UiContext):
    assert any("Go to Train" in str(part) for part in PeoplePanel(context).on_tick(Opened(), {}))


def test_the_queue_refuses_what_is_out_of_bounds(context: UiContext, tmp_path: Path):
    panel = built_train(context)
    values = {name: widget.value for name, widget in panel.form.widgets.items()}
    draft = drafted(selfie(tmp_path / "a.png"))
    out = panel.on_start(draft, "", {}, *(values | {"person": "A", "consent": True, "rank": 999}).values())[0]
    assert "rank" in out
