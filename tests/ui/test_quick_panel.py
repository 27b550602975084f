"""The page of quick portraits without a browser: its handlers do what a click asks for."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from PIL import Image
from ui_world import broken, desk_in, group, selfie

from easyphoto.domain import Checkpoint, ModelFamily
from easyphoto.jobs import Job, Kind, State
from easyphoto.ui.context import UiContext
from easyphoto.ui.quick_panel import QuickPanel
from easyphoto.ui.quick_view import QuickDraft, next_html, told_html
from easyphoto.ui.selection import Selection
from easyphoto.ui.train_panel import TrainPanel

SHIPPED = hashlib.sha256(b"shipped/two_friends.png").hexdigest()[:24]
CHOSEN = Selection().toggled(SHIPPED)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[UiContext]:
    with desk_in(tmp_path) as context:
        yield context


@pytest.fixture
def panel(context: UiContext) -> QuickPanel:
    made = QuickPanel(context)
    with gr.Blocks():
        made.build()
    return made


def click(**said: object) -> str:
    return json.dumps(said)


def draft_of(panel: QuickPanel, *files: Path, **more: Any) -> QuickDraft:
    """Photos as they lie after an upload."""
    brought = [panel.context.uploads.add(file.name, file) for file in files]
    return QuickDraft(**more).with_photos(brought)


def done(panel: QuickPanel, draft: QuickDraft) -> Job:
    """The job of a press on the button, ended."""
    assert panel.on_go(True, draft, {})[0] == ""
    job = panel.context.jobs.list(Kind.QUICK)[0]
    limit = time.monotonic() + 20
    while not panel.context.jobs.get(job.id).over:
        assert time.monotonic() < limit
        time.sleep(0.02)
    return panel.context.jobs.get(job.id)


def text_of(updates: list[Any]) -> str:
    return " ".join(str(update) for update in updates)


def test_from_photos_to_a_portrait(panel: QuickPanel, tmp_path: Path):
    draft = draft_of(panel, selfie(tmp_path / "me.png"), selection=CHOSEN)
    job = done(panel, draft)
    assert job.state is State.DONE, job.error
    assert job.request["portrait"]["base_model"] == "built-in" and job.request["consent"] is True
    page = text_of(panel.on_tick(draft, {}))
    assert "Person in the photos" in page and "quick-0123456789abcdef" not in page
    assert "Only 1 photo" in page or "photos can be used" in page
    assert "Keep this person" in page and "Same again" not in page
    out, *_ = panel.on_box(click(do="download", job=job.id, portrait="0.png"), draft, {})
    assert "image/png" in out


def test_all_that_is_missing_is_said_at_once(panel: QuickPanel):
    told = panel.on_go(False, QuickDraft(), {})[0]
    for words in ("photo", "agreed", "template"):
        assert words in told
    assert panel.context.jobs.list() == []


def test_the_sample_needs_no_word_of_consent_and_gives_way_to_ones_own(panel: QuickPanel, tmp_path: Path):
    _, agreed, trouble, draft, *_ = panel.on_box(click(do="sample"), QuickDraft(selection=CHOSEN), {})
    assert (agreed["value"], trouble, draft.sample) == (True, "", True)
    assert [photo.name for photo in draft.photos] == ["astronaut.png"]
    assert draft.selection.chosen == (SHIPPED,)
    more = draft.with_photos([panel.context.uploads.add("me.png", selfie(tmp_path / "me.png"))])
    assert [photo.name for photo in more.photos] == ["me.png"] and not more.sample
    assert panel.on_upload(None, draft, {})[1]["value"] is False
    assert "value" not in panel.on_upload(None, more, {})[1]


def test_no_sample_is_offered_where_there_is_none(context: UiContext):
    (context.studio.paths.samples / "astronaut.png").unlink()
    assert "sample" not in QuickPanel(context)._photos(QuickDraft())


def test_photos_are_removed_with_their_files(panel: QuickPanel, tmp_path: Path):
    draft = draft_of(panel, selfie(tmp_path / "a.png"), selfie(tmp_path / "b.png", 9))
    gone, kept = (photo.file for photo in draft.photos)
    _, _, _, draft, *_ = panel.on_box(click(do="remove-photo", photo=0), draft, {})
    assert [photo.file for photo in draft.photos] == [kept] and not gone.exists()
    _, _, _, draft, *_ = panel.on_box(click(do="clear"), draft, {})
    assert draft.photos == () and not kept.exists()


def test_a_run_is_deleted_with_its_portraits_once_that_is_confirmed(panel: QuickPanel, tmp_path: Path):
    draft = draft_of(panel, selfie(tmp_path / "me.png"), selection=CHOSEN)
    job = done(panel, draft)
    portrait = {"job": job.id, "portrait": "0.png"}
    panel.on_box(click(do="delete-run", **portrait), draft, {})
    assert panel.context.jobs.list(Kind.QUICK)
    _, _, _, draft, *page = panel.on_box(click(do="ask", **portrait), draft, {})
    assert "Delete this run for good" in text_of(page)
    assert panel.on_box(click(do="keep", **portrait), draft, {})[3].selection.view.asked == ""
    panel.on_box(click(do="delete-run", **portrait), draft, {})
    assert panel.context.jobs.list(Kind.QUICK) == []
    assert not list(panel.context.studio.paths.portraits.rglob("*.png"))


def test_one_portrait_is_deleted_and_with_the_last_one_its_run(panel: QuickPanel, tmp_path: Path):
    group(panel.context.studio.paths.shipped_templates / "more.png")
    both = Selection(chosen=tuple(card.id for card in panel.context.templates.cards()))
    job = done(panel, draft := draft_of(panel, selfie(tmp_path / "me.png"), selection=both))
    files = panel.context.studio.paths.portraits
    for left, name in ((1, "0.png"), (0, "1.png")):
        portrait = {"job": job.id, "portrait": name}
        _, _, _, asked, *_ = panel.on_box(click(do="ask", **portrait), draft, {})
        trouble = panel.on_box(click(do="delete", **portrait), asked, {})[2]
        assert (trouble, len(list(files.rglob("*.png")))) == ("", left)
        assert len(panel.context.jobs.list(Kind.QUICK)) == left


def test_only_the_card_is_asked_about_whose_button_was_pressed(panel: QuickPanel, tmp_path: Path):
    draft = draft_of(panel, selfie(tmp_path / "me.png"), selection=CHOSEN)
    done(panel, draft)
    job = done(panel, draft)
    page = panel.on_box(click(do="ask", job=job.id, portrait="0.png"), draft, {})
    assert text_of(page).count("Delete this portrait for good") == 1


def test_photos_that_cannot_be_used_fail_the_job_in_words(panel: QuickPanel, tmp_path: Path):
    draft = draft_of(panel, broken(tmp_path / "bad.jpg"), selection=CHOSEN)
    assert done(panel, draft).state is State.FAILED
    page = text_of(panel.on_tick(draft, {}))
    assert 'role="alert"' in page and "Keep this person" not in page


def test_what_has_gone_is_no_longer_chosen(panel: QuickPanel, tmp_path: Path):
    draft = draft_of(panel, selfie(tmp_path / "me.png"), selection=CHOSEN.toggled("0" * 24))
    draft.photos[0].file.unlink()
    checked = panel.on_tick(draft, {})[0]
    assert (checked.photos, checked.selection.chosen) == ((), (SHIPPED,))


def test_training_takes_copies_of_the_photos(panel: QuickPanel, tmp_path: Path):
    quick = draft_of(panel, selfie(tmp_path / "me.png"))
    train = TrainPanel(panel.context)
    with gr.Blocks():
        train.build(gr.Textbox(), gr.State(quick))
    _, draft, *_ = train.on_photos_of(click(tab="train", photos=True), quick, (), "", {})
    assert [photo.name for photo in draft] == ["me.png"] and draft[0].file != quick.photos[0].file
    _, again, *_ = train.on_photos_of(click(tab="train", photos=True), quick, draft, "", {})
    assert again == draft
    assert train.on_photos_of(click(tab="train"), quick, (), "", {})[1] == ()


def test_a_person_is_trained_again_from_their_kept_photos(panel: QuickPanel, tmp_path: Path, monkeypatch):
    kept, train = (selfie(tmp_path / "0000.png"),), TrainPanel(panel.context)
    with gr.Blocks():
        train.build(gr.Textbox(), gr.State(QuickDraft()))
    asked = click(tab="train", photos=True, person="ann")
    assert 'role="alert"' in train.on_photos_of(asked, QuickDraft(), (), "", {})[0]  # not there any more
    monkeypatch.setattr(panel.context.studio.library, "open", lambda person: SimpleNamespace(photos=kept))
    _, draft, *_ = train.on_photos_of(asked, QuickDraft(), (), "", {})
    assert [photo.name for photo in draft] == ["0000.png"]
    assert draft[0].file != kept[0]


@pytest.mark.parametrize(
    ("family", "words"),
    [(ModelFamily.BUILTIN, "makes no face more alike"), (ModelFamily.SD15, "Train for more likeness")],
)
def test_a_training_is_offered_for_what_it_brings(context: UiContext, family: ModelFamily, words: str):
    assert words in next_html(Checkpoint("dream", family), context.say)


def test_names_and_reasons_are_escaped(context: UiContext):
    report = {"name": "<b>x", "verdict": "drop", "reasons": ["<i>bad"]}
    job = Job("1", Kind.QUICK, State.DONE, {}, (), 0.0, result={"reports": [report], "warnings": []})
    html = told_html(job, context.say)
    assert "&lt;b&gt;x" in html and "&lt;i&gt;bad" in html and "<i>bad" not in html
    assert told_html(None, context.say) == ""


def test_how_the_templates_fit_is_told_once_it_is_measured(panel: QuickPanel, tmp_path: Path):
    draft = draft_of(panel, selfie(tmp_path / "me.png"), selection=CHOSEN)
    assert "ep-fit" not in panel._templates(draft)
    assert panel.context.fits.wait(20)
    assert "fits well" in panel._templates(draft)
    Image.new("L", (320, 320)).save(gray := tmp_path / "gray.png")
    other = draft_of(panel, gray, selection=CHOSEN)
    assert "ep-fit" not in panel._templates(other) and panel.context.fits.wait(20)
    assert "ep-fit" not in panel._templates(other), "there is no face in it"
