"""The bar at a panel's lower edge: its one main button and what kept that from working, always in sight."""

from __future__ import annotations

import gradio as gr


def action_bar(problem_id: str, button_id: str, text: str) -> tuple[gr.HTML, gr.Button]:
    """The place for the problem, and the button."""
    with gr.Row(elem_classes=["ep-action-bar"]):
        problem = gr.HTML("", elem_id=problem_id)
        button = gr.Button(text, variant="primary", elem_id=button_id)
    return problem, button
