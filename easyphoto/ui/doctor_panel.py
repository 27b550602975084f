"""The page that says what is installed and what is missing, with a report to copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from easyphoto.diagnostics import Finding
from easyphoto.ui import compat
from easyphoto.ui.components import head
from easyphoto.ui.context import UiContext
from easyphoto.ui.rendering import render

KINDS = {"ok": "good", "missing": "bad"}


class DoctorPanel:
    """One button and its findings."""

    def __init__(self, context: UiContext) -> None:
        self.context = context

    def build(self) -> None:
        """Make the widgets inside the current tab."""
        say = self.context.say
        with gr.Column(elem_classes=["ep-card"]):
            gr.HTML(head(say("doctor.title"), say("doctor.intro")))
            self.run = gr.Button(say("doctor.run"), variant="primary", elem_id="ep-doctor-run")
            self.found = gr.HTML("", elem_id="ep-doctor-found")
        compat.listen(self.run.click, self.on_run, [], [self.found])

    def on_run(self) -> Any:
        """All findings."""
        findings = self.context.examine()
        return findings_html(findings, self.context)


def findings_html(findings: Sequence[Finding], context: UiContext) -> Markup:
    """A table for people and the same as plain text to copy."""
    return render("doctor", findings=findings, kinds=KINDS, text=report(findings), say=context.say)


def report(findings: Sequence[Finding]) -> str:
    """Plain text, a line a finding."""
    return "\n".join(" | ".join(part for part in (f.name, f.state, f.value, f.remedy) if part) for f in findings)
