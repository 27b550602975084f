"""The whole journey in Chinese, with fake faces and a fake engine: the page shows no English sentence of ours."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_studio import make_person
from fakes import FakeEngine, draw_faces, fake_toolboxes, save
from PIL import Image
from ui_world import broken, group, selfie

from easyphoto.domain import Checkpoint, HintKind, PortraitRequest, QuickRequest, Rendered, TrainRequest, options_of
from easyphoto.engines.controlnet_catalog import dropped, missing
from easyphoto.errors import EasyPhotoError, NoFace, RenderFailed
from easyphoto.families import ModelFamily
from easyphoto.jobs import Event, Job, JobFile, JobQueue, Kind, PictureRole, State
from easyphoto.jobs.job import CheckRequest
from easyphoto.locales import LANGUAGES, message
from easyphoto.paths import Paths
from easyphoto.stages import Stage
from easyphoto.studio import Studio
from easyphoto.ui.components import problem
from easyphoto.ui.form import Form
from easyphoto.ui.i18n import Translator
from easyphoto.ui.job_view import job_html
from easyphoto.ui.photos_view import DraftPhoto, photos_html, with_reports
from easyphoto.ui.pictures import PictureCache
from easyphoto.ui.portrait_cards import PortraitResult, failures_html, shots_html
from easyphoto.ui.quick_view import next_html, told_html
from easyphoto.ui.time_left import ProgressEstimate, TimeLeft
from easyphoto.ui.train_view import facts_html

SAY = Translator("zh")
SENTENCE = re.compile(r"[A-Za-z']{2,} [A-Za-z']{2,} [A-Za-z']{2,}")
OF_LIBRARIES = ("Truncated File Read",)  # a cause as a library says it
HAN = re.compile(r"[\u4e00-\u9fff]")


def where(job: Job, events: Sequence[Event]) -> ProgressEstimate:
    return TimeLeft(lambda one: (), lambda one: None).estimate(job, events, time.time())


def visible(html: object) -> str:
    """What a visitor reads; settings of a picture are a format and a command to type is one, not a sentence."""
    text = re.sub(r"<pre.*?</pre>|easyphoto weights fetch \S+(?: --yes)?", "", str(html), flags=re.S)
    named = re.findall(r'(?:aria-label|title|alt)="([^"]*)"', text)
    return unescape(" | ".join([re.sub(r"<[^>]+>", " | ", text), *named]))


def check(html: object) -> None:
    shown = visible(html)
    assert HAN.search(shown)
    assert [said for said in SENTENCE.findall(shown) if said not in OF_LIBRARIES] == []


class NotingEngine(FakeEngine):
    """It could not honor a hint."""

    def render(self, job: Any, report: Any) -> Rendered:
        done = super().render(job, report)
        return replace(done, notes=(*done.notes, dropped(HintKind.TILE, ModelFamily.SD15)))


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    paths = Paths(tmp_path / "data", tmp_path / "models")
    made = JobQueue(paths, Studio(paths, NotingEngine(), fake_toolboxes(paths)))  # type: ignore[arg-type]
    yield made
    made.close()


def ended(queue: JobQueue, job: Job) -> Job:
    limit = time.monotonic() + 60
    while not queue.get(job.id).over:
        assert time.monotonic() < limit
        time.sleep(0.02)
    return queue.get(job.id)


def seen(queue: JobQueue, job: Job) -> str:
    return str(job_html(job, where(job, queue.events(job.id)), SAY, "box", "甲"))


def photos_in(folder: Path) -> list[Path]:
    """Good, twice the same, too small, dark, faceless, broken."""
    small = save(draw_faces((320, 320), [((160, 150), 30, (220, 120, 90))]), folder / "3.png")
    dark = save((draw_faces((320, 320), [((160, 150), 150, (220, 120, 90))]) // 8).astype(np.uint8), folder / "4.png")
    empty = folder / "5.png"
    Image.new("RGB", (200, 200)).save(empty)
    return [selfie(folder / "1.png"), selfie(folder / "2.png"), small, dark, empty, broken(folder / "6.jpg")]


def test_the_check_of_photos(queue: JobQueue, tmp_path: Path):
    files = photos_in(tmp_path)
    job = ended(queue, queue.submit(Kind.CHECK, CheckRequest(), [JobFile(file, file.name) for file in files]))
    assert job.state is State.DONE and job.result
    reports = job.result["reports"]
    assert sum(len(report["reasons"]) for report in reports) >= 3
    draft = with_reports(tuple(DraftPhoto(file, file.name) for file in files), [f.name for f in files], reports)
    check(photos_html(draft, PictureCache(), SAY))
    check(seen(queue, job))


def test_a_training_that_is_refused(queue: JobQueue, tmp_path: Path):
    photos = [JobFile(selfie(tmp_path / "1.png"), "1.png")]
    with pytest.raises(EasyPhotoError) as refused:
        ended(queue, queue.submit(Kind.TRAIN, TrainRequest(person="甲"), photos))
    check(problem(refused.value, SAY))


def test_portraits_with_notes_and_failures(queue: JobQueue, tmp_path: Path):
    paths = Paths(tmp_path / "data", tmp_path / "models")
    person = make_person(paths, "甲")
    person.reference.write_bytes(selfie(tmp_path / "me.png").read_bytes())
    empty = tmp_path / "empty.png"
    Image.new("RGB", (200, 200)).save(empty)
    files = [JobFile(group(tmp_path / "t.png"), "t.png"), JobFile(empty, "empty.png")]
    request = PortraitRequest(persons=(person.id,), require_control=False)
    job = ended(queue, queue.submit(Kind.PORTRAIT, request, files))
    assert job.result and job.result["portraits"] and job.result["failures"]
    assert job.result["portraits"][0]["notes"]
    shots = [
        PortraitResult(job.id, f"{n}.png", facts, paths.root / facts["file"], None, {person.id: "甲"})
        for n, facts in enumerate(job.result["portraits"])
    ]
    check(shots_html(shots, PictureCache(), SAY))
    check(failures_html(job.result["failures"], SAY))
    check(seen(queue, job))


@pytest.mark.parametrize("family", [ModelFamily.BUILTIN, ModelFamily.SD15])
def test_quick_portraits_of_photos_in_which_little_is_right(queue: JobQueue, tmp_path: Path, family: ModelFamily):
    photos = [JobFile(file, file.name, role=PictureRole.PHOTO) for file in photos_in(tmp_path)]
    files = [*photos, JobFile(group(tmp_path / "t.png"), "t.png", role=PictureRole.TEMPLATE)]
    with pytest.raises(EasyPhotoError) as refused:
        queue.submit(Kind.QUICK, QuickRequest(), files)
    check(problem(refused.value, SAY))
    job = ended(queue, queue.submit(Kind.QUICK, QuickRequest.for_family(ModelFamily.BUILTIN, consent=True), files))
    assert job.state is State.DONE, job.error
    check(told_html(job, SAY))
    check(seen(queue, job))
    check(next_html(Checkpoint("dream", family), SAY))


NOTES = [
    message("trainer.note.fetching", package="peft", version="0.13.2"),
    message("trainer.note.loading"),
    message("trainer.note.training", device="cuda", precision="fp16", why=message("trainer.precision.asked")),
    message("webui.note.busy"),
]


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.code)
def test_a_running_training(note: Any):
    job = Job("1", Kind.TRAIN, State.RUNNING, {}, (), 100.0, 100.0, stage=Stage.TRAIN, done=1, total=9, note=note)
    event = Event(1, 101.0, State.RUNNING, Stage.TRAIN, 1, 9, note)
    check(job_html(job, where(job, [event]), SAY, "box", "甲"))


def test_a_finished_training_and_its_warnings():
    warnings = [message("photos.few-usable", count=3, few=5), message("training.unjudged-no-face")]
    facts = {"warnings": [one.as_json() for one in warnings], "votes": {"100": 1.0}, "distance_by_step": {"100": 0.5}}
    check(facts_html({**facts, "seconds": {"training": 3.0}}, "sd15", SAY))


@pytest.mark.parametrize(
    "error",
    [
        missing(HintKind.CANNY, ModelFamily.SD15, "models"),
        NoFace("photos.none-usable", stage="check photos", count=1, each=[message("photo.no-face")], few=5),
        RenderFailed("webui.out-of-memory", stage="render"),
        OSError("disk"),
    ],
    ids=lambda error: getattr(error, "code", "other"),
)
def test_failures(error: Exception):
    check(problem(error.as_json() if isinstance(error, EasyPhotoError) else error, SAY))


@pytest.mark.parametrize("kind", [TrainRequest, PortraitRequest])
def test_every_field_of_the_forms(kind: type):
    form = Form(kind, SAY, "ep-test")
    form.place_rest()
    assert list(form.widgets) == list(options_of(kind))
    for widget in form.widgets.values():
        assert SENTENCE.findall(f"{widget.label} | {widget.info}") == []


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_stage_has_its_words(stage: Stage, language: str):
    assert bool(HAN.search(Translator(language).stage(stage))) == (language == "zh")
