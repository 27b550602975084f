"""What was damaged and set aside is told on the page until somebody has read it."""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr
from ui_world import desk_in

from easyphoto.ui.quick_view import QuickDraft
from easyphoto.ui.train_panel import TrainPanel


def test_what_was_damaged_is_told_on_the_page_until_it_is_read(tmp_path: Path):
    with desk_in(tmp_path) as context:
        aside = context.studio.paths.jobs / "jobs.sqlite.damaged-20261130-120000"
        aside.write_bytes(b"")
        panel = TrainPanel(context)
        with gr.Blocks():
            panel.build(gr.Textbox(), gr.State(QuickDraft()))
        told = str(panel.on_tick((), "", {}))
        assert aside.name in told and "2026-11-30" in told
        assert aside.name not in str(panel.on_job(json.dumps({"do": "dismiss"}), (), "", {}))
        assert aside.is_file()
