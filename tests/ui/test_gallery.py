"""The gallery of finished portraits without a browser: filters, favorites, deletion, a zip, settings used again."""

from __future__ import annotations

import base64
import io
import json
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
from fake_studio import make_person
from ui_world import desk_in, group, selfie

from easyphoto.domain import PortraitRequest
from easyphoto.errors import BadRequest, Busy, NotFound
from easyphoto.jobs import Job, JobFile, Kind
from easyphoto.jobs.finished_portraits import name_of
from easyphoto.ui import gallery
from easyphoto.ui.context import UiContext
from easyphoto.ui.portrait_panel import PortraitPanel
from easyphoto.ui.selection import GalleryView, Selection


@pytest.fixture
def context(tmp_path: Path) -> Iterator[UiContext]:
    with desk_in(tmp_path) as context:
        yield context


@pytest.fixture
def panel(context: UiContext) -> PortraitPanel:
    made = PortraitPanel(context)
    with gr.Blocks():
        made.build(gr.Textbox())
    return made


def made_of(context: UiContext, name: str, *templates: Path, **changes: object) -> Job:
    """A finished job with a portrait of somebody in each template."""
    person = next((p for p in context.people() if p.name == name), None) or make_person(context.studio.paths, name)
    request = PortraitRequest(persons=(person.id,), **changes)
    job = context.jobs.submit(Kind.PORTRAIT, request, [JobFile(file, file.name) for file in templates])
    limit = time.monotonic() + 20
    while not context.jobs.get(job.id).over:
        assert time.monotonic() < limit
        time.sleep(0.02)
    return context.jobs.get(job.id)


def click(do: str, job: Job, number: int = 0, **more: object) -> str:
    return json.dumps({"do": do, "job": job.id, "portrait": name_of(job.result["portraits"][number]), **more})


def html_of(panel: PortraitPanel, view: GalleryView) -> str:
    jobs = panel.context.jobs.list(Kind.PORTRAIT)
    return panel.gallery.shots_html(jobs, {p.id: p.name for p in panel.context.people()}, view)


def test_portraits_are_found_by_person_template_and_favorites(panel: PortraitPanel, tmp_path: Path):
    a, b = selfie(tmp_path / "a.png"), group(tmp_path / "b.png")
    ada, bob = made_of(panel.context, "Ada", a, b), made_of(panel.context, "Bob", a)
    assert html_of(panel, GalleryView()).count("ep-shot-card") == 3
    assert html_of(panel, GalleryView(person="ada")).count("ep-shot-card") == 2
    assert html_of(panel, GalleryView(template="a.png")).count("ep-shot-card") == 2
    assert "No portrait matches" in html_of(panel, GalleryView(favorites=True))
    panel.on_box(click("favorite", bob, favorite=True), Selection(), {})
    assert html_of(panel, GalleryView(favorites=True)).count("ep-shot-card") == 1
    panel.on_box(click("favorite", bob, favorite=False), Selection(), {})
    assert html_of(panel, GalleryView(favorites=True)).count("ep-shot-card") == 0
    view = panel.on_box(json.dumps({"do": "of-person", "person": "bob"}), Selection(), {})[2].view
    assert view.person == "bob" and ada.id not in html_of(panel, view)


def test_one_portrait_is_deleted_once_that_is_confirmed(panel: PortraitPanel, tmp_path: Path):
    job = made_of(panel.context, "Ada", selfie(tmp_path / "a.png"), selfie(tmp_path / "b.png", 9))
    gone, kept = (panel.context.studio.paths.root / one["file"] for one in job.result["portraits"])
    panel.on_box(click("delete", job), Selection(), {})
    assert gone.is_file()
    selection = panel.on_box(click("ask", job), Selection(), {})[2]
    assert "Delete this portrait for good" in html_of(panel, selection.view)
    assert panel.on_box(click("keep", job), selection, {})[2].view.asked == ""
    selection = panel.on_box(click("delete", job), selection, {})[2]
    assert not gone.exists() and kept.is_file() and selection.view.asked == ""
    assert [name_of(one) for one in panel.context.jobs.get(job.id).result["portraits"]] == [kept.name]


def test_a_deleted_portrait_is_not_made_again_by_a_resumed_job(context: UiContext, tmp_path: Path):
    from easyphoto.jobs.portrait_results import PortraitResults
    from easyphoto.jobs.task import Task

    job = made_of(context, "Ada", selfie(tmp_path / "a.png"), selfie(tmp_path / "b.png", 9))
    context.jobs.portraits.remove(job.id, name_of(job.result["portraits"][0]))
    result = context.jobs.get(job.id).result
    files = tuple(JobFile(tmp_path / name, name) for name in ("a.png", "b.png", "c.png"))
    task = Task(job.id, Kind.PORTRAIT, {}, files, result, lambda result: None)
    assert [one.name for one in PortraitResults(task, context.studio.paths.root, PortraitRequest()).left] == ["c.png"]


@pytest.mark.parametrize("name", ["../../jobs/jobs.sqlite", "x.png", ""])
def test_only_a_jobs_own_portraits_are_touched(context: UiContext, tmp_path: Path, name: str):
    job = made_of(context, "Ada", selfie(tmp_path / "a.png"))
    for act in (context.jobs.portraits.remove, lambda *at: context.jobs.portraits.mark(*at, True)):
        with pytest.raises(NotFound):
            act(job.id, name)


def test_portraits_of_a_running_job_wait(tmp_path: Path):
    import threading

    with desk_in(tmp_path, gate=threading.Event()) as context:
        make_person(context.studio.paths, "Ada")
        file = selfie(tmp_path / "a.png")
        job = context.jobs.submit(Kind.PORTRAIT, PortraitRequest(persons=("ada",)), [JobFile(file, file.name)])
        with pytest.raises(Busy):
            context.jobs.portraits.remove(job.id, "0.png")


def test_all_that_are_shown_come_as_one_zip(panel: PortraitPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    job = made_of(panel.context, "Ada", selfie(tmp_path / "a.png"), selfie(tmp_path / "b.png", 9))
    out = panel.gallery.act({"do": "zip"}, GalleryView())
    packed = base64.b64decode(out.split("base64,")[1].split('"')[0])
    assert len(zipfile.ZipFile(io.BytesIO(packed)).namelist()) == 2
    assert 'download="easyphoto-portraits.zip"' in out and job.id in zipfile.ZipFile(io.BytesIO(packed)).namelist()[0]
    monkeypatch.setattr(gallery, "MOST_ZIPPED", 10)
    with pytest.raises(BadRequest, match="MB"):
        panel.gallery.act({"do": "zip"}, GalleryView())


def test_settings_are_used_again(panel: PortraitPanel, context: UiContext, tmp_path: Path):
    file = group(tmp_path / "b.png")
    card = context.templates.add(file, file.name)
    job = made_of(context, "Ada", replace(card).file, prompt="a hat", best_of=3)
    trouble, *rest = panel.on_settings(click("settings", job), Selection(), {})
    values = dict(zip(panel.form.widgets, rest, strict=False))
    assert trouble == ""
    assert [values[name]["value"] for name in ("prompt", "best_of", "seed")] == ["a hat", 3, 7]
    selection = rest[len(panel.form.widgets)]
    assert (selection.chosen, selection.assignments[card.id]) == ((card.id,), ("ada",))
    assert 'role="alert"' in panel.on_settings(json.dumps({"job": job.id, "portrait": "x"}), Selection(), {})[0]


def test_a_portrait_is_opened_large_with_its_template(panel: PortraitPanel, context: UiContext, tmp_path: Path):
    file = group(tmp_path / "b.png")
    job = made_of(context, "Ada", context.templates.add(file, file.name).file)
    out = panel.on_box(click("open", job), Selection(), {})[0]
    assert f'data-ep-full="{job.id}/' in out and out.count("data:image/jpeg") == 2
