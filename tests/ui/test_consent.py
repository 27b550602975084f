"""Handlers of the pages that take photos, called without consent, store nothing and queue nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ui_world import desk_in, drafted, selfie

from easyphoto.ui.quick_panel import QuickPanel
from easyphoto.ui.quick_view import QuickDraft
from easyphoto.ui.selection import Selection
from easyphoto.ui.train_panel import TrainPanel


@pytest.mark.parametrize("consent", [False, None, "", 0, "0", []])
def test_no_training_starts_without_consent(tmp_path: Path, consent: Any):
    import gradio as gr

    with desk_in(tmp_path) as context:
        panel = TrainPanel(context)
        with gr.Blocks():
            panel.build(gr.Textbox(), gr.State(QuickDraft()))
        values = {name: widget.value for name, widget in panel.form.widgets.items()} | {"person": "Ada"}
        draft = drafted(selfie(tmp_path / "a.png"))
        told = panel.on_start(draft, "", {}, *(values | {"consent": consent}).values())[0]
        assert 'role="alert"' in told
        assert context.jobs.list() == []
        assert context.studio.calls == []  # type: ignore[attr-defined]
        assert [file for file in context.studio.paths.root.rglob("*") if file.suffix in (".png", ".jpg")] == []


@pytest.mark.parametrize("consent", [False, None, "", 0, "0", 1, "true", []])
def test_no_quick_portrait_starts_without_consent(tmp_path: Path, consent: Any):
    with desk_in(tmp_path) as context:
        shipped = context.templates.cards()[0].id
        draft = QuickDraft(drafted(selfie(tmp_path / "a.png")), Selection().toggled(shipped))
        told = QuickPanel(context).on_go(consent, draft, {})[0]
        assert 'role="alert"' in told
        assert context.jobs.list() == []
        assert context.studio.calls == []  # type: ignore[attr-defined]
        assert [file for file in context.studio.paths.root.rglob("*") if file.suffix in (".png", ".jpg")] == []
