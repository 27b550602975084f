"""The page that says what is installed and what is missing, with a report to copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from easyphoto.diagnostics import MISSING, Finding
from easyphoto.ui import compat
from easyphoto.ui.components import head
from easyphoto.ui.context import UiContext
from easyphoto.ui.panel_session import PanelSession
from easyphoto.ui.rendering import render

KINDS = {"ok": "good", "missing": "bad"}


class DoctorPanel:
    """The findings, looked for when the panel is opened and on request."""

    def __init__(self, context: UiContext) -> None:
        self.context = context

    def build(self) -> None:
        """Make the widgets inside the current tab."""
        say = self.context.say
        with gr.Column(elem_classes=["ep-card"]):
            gr.HTML(head(say("doctor.title"), say("doctor.intro")))
            self.found = gr.HTML("", elem_id="ep-doctor-found")
            self.run = gr.Button(say("doctor.run"), elem_id="ep-doctor-run")
        session = PanelSession("doctor", (), examined=False)
        compat.listen(self.run.click, self.on_run, [], [self.found])
        session.poll(self.on_tick, [session["examined"]], [self.found, session["examined"]])

    def on_run(self) -> Any:
        """All findings."""
        findings = self.context.examine()
        return findings_html(findings, self.context)

    def on_tick(self, examined: bool) -> list[Any]:
        """All findings when the panel is seen for the first time."""
        return [gr.update() if examined else gr.update(value=self.on_run()), True]


def findings_html(findings: Sequence[Finding], context: UiContext) -> Markup:
    """Whether all is well, a table for people, and the same as plain text to copy."""
    missing = sum(finding.state == MISSING for finding in findings)
    return render("doctor", findings=findings, missing=missing, kinds=KINDS, text=report(findings), say=context.say)


def report(findings: Sequence[Finding]) -> str:
    """Plain text, a line a finding."""
    return "\n".join(" | ".join(part for part in (f.name, f.state, f.value, f.remedy) if part) for f in findings)
