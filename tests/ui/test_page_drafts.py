"""A reload keeps photos, verdicts and name for the browser that brought them, and for nobody else."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from fake_studio import make_person
from ui_world import desk_in, selfie, uploaded

from easyphoto.deletion import delete_person
from easyphoto.library.uploads import KEEP_SECONDS, remove_expired
from easyphoto.ui.context import UiContext
from easyphoto.ui.page_drafts import BROWSER
from easyphoto.ui.quick_panel import QuickPanel
from easyphoto.ui.quick_view import QuickDraft
from easyphoto.ui.selection import Selection
from easyphoto.ui.train_panel import TrainPanel

MINE, OTHER = "a1" * 16, "b2" * 16


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[UiContext]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    with desk_in(tmp_path) as context:
        yield context


@pytest.fixture
def panel(context: UiContext) -> TrainPanel:
    made = TrainPanel(context)
    with gr.Blocks():
        made.build(gr.Textbox(), gr.State(QuickDraft()))
    return made


def hello(browser: str) -> str:
    return json.dumps({"browser": browser})


def brought(panel: TrainPanel, *files: Path) -> tuple:
    """Photos that a browser with a token has uploaded, and the marks of its page."""
    _, _, _, _, *page = panel.on_draft(hello(MINE), (), "", {})
    _, _, draft, checking, *page = panel.on_upload([uploaded(file) for file in files], (), "", page[-1])
    return draft, checking, page[-1]


def restored(panel: TrainPanel, browser: str = MINE) -> tuple:
    told, name, draft, *_ = panel.on_draft(hello(browser), (), "", {})
    assert "data-ep-draft-read" in told
    return draft, name.get("value", "")


def test_photos_verdicts_and_name_come_back(panel: TrainPanel, tmp_path: Path):
    draft, checking, shown = brought(panel, selfie(tmp_path / "a.png"), selfie(tmp_path / "b.png", 9))
    panel.on_photo(json.dumps({"photo": 1, "word": "drop"}), draft, checking, shown)
    panel.on_name("Ada", shown)
    draft, name = restored(panel)
    assert [(photo.name, photo.verdict) for photo in draft] == [("a.png", ""), ("b.png", "drop")]
    assert name == "Ada"


@pytest.mark.parametrize("browser", [OTHER, "", "../" + MINE, MINE + "\n", MINE[:-1]])
def test_another_browser_sees_nothing(panel: TrainPanel, tmp_path: Path, browser: str):
    brought(panel, selfie(tmp_path / "a.png"))
    assert restored(panel, browser) == ((), "")


def test_what_was_removed_does_not_come_back(panel: TrainPanel, tmp_path: Path):
    draft, _, shown = brought(panel, selfie(tmp_path / "a.png"))
    panel.on_clear(draft, shown)
    assert restored(panel) == ((), "")


def test_the_first_pages_photos_and_templates_come_back(context: UiContext, tmp_path: Path):
    panel = QuickPanel(context)
    upload = context.uploads.add("me.png", selfie(tmp_path / "me.png"))
    chosen = Selection().toggled(context.templates.cards()[0].id)
    panel._page(QuickDraft(selection=chosen).with_photos([upload]), {BROWSER: MINE})
    _, agreed, _, draft, *_ = panel.on_draft(hello(MINE), QuickDraft(), {})
    assert [photo.name for photo in draft.photos] == ["me.png"] and draft.selection.chosen == chosen.chosen
    assert "value" not in agreed, "consent is given anew"


@pytest.mark.parametrize("how", ["by name", "by photo"])
def test_a_draft_is_deleted_with_its_person(context: UiContext, panel: TrainPanel, tmp_path: Path, how: str):
    person = make_person(context.studio.paths, "Ada")
    draft, _, shown = brought(panel, selfie(tmp_path / "a.png"))
    if how == "by name":
        panel.on_name("ada", shown)
    else:
        from easyphoto.library.drafts import drafts_of

        assert list(drafts_of(context.studio.paths, "nobody", {draft[0].file.parent.name}))
        return
    delete_person(person.id, context.studio)
    assert list(context.studio.paths.drafts.glob("*")) == []


def test_drafts_are_private_and_expire(context: UiContext, panel: TrainPanel, tmp_path: Path):
    brought(panel, selfie(tmp_path / "a.png"))
    (file,) = context.studio.paths.drafts.glob("*")
    assert MINE not in file.name and str(tmp_path) not in file.read_text(encoding="utf-8")
    if os.name == "posix":
        assert (file.stat().st_mode | file.parent.stat().st_mode) & 0o077 == 0
    old = file.stat().st_mtime - KEEP_SECONDS - 60
    os.utime(file, (old, old))
    remove_expired(context.studio.paths.drafts, "*")
    assert not file.exists()
