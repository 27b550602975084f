"""The page that says what is installed and what is missing, with a report to copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from easyphoto.ui import compat
from easyphoto.ui.components import badge, esc, head
from easyphoto.ui.context import FindingLike, UiContext

KINDS = {"ok": "good", "missing": "bad"}


class DoctorPanel:
    """One button and its findings."""

    def __init__(self, desk: UiContext) -> None:
        self.desk = desk

    def build(self) -> None:
        """Make the widgets inside the current tab."""
        say = self.desk.say
        with gr.Column(elem_classes=["ep-card"]):
            gr.HTML(head(say("doctor.title"), say("doctor.intro")))
            self.run = gr.Button(say("doctor.run"), variant="primary", elem_id="ep-doctor-run")
            self.found = gr.HTML("", elem_id="ep-doctor-found")
        compat.listen(self.run.click, self.on_run, [], [self.found])

    def on_run(self) -> Any:
        """All findings."""
        findings = self.desk.examine()
        return findings_html(findings, self.desk)


def findings_html(findings: Sequence[FindingLike], desk: UiContext) -> str:
    """A table for people and the same as plain text to copy."""
    say = desk.say
    rows = "".join(
        f'<tr><th scope="row">{esc(f.name)}</th><td>{badge(f.state, KINDS.get(f.state, "quiet"))}</td>'
        f"<td>{esc(f.value)}{f'<small>{esc(f.remedy)}</small>' if f.remedy else ''}</td></tr>"
        for f in findings
    )
    return (
        f'<div class="ep-row"><button type="button" class="ep-btn" data-ep-copy="ep-doctor-text" '
        f'data-ep-done="{esc(say("doctor.copied"))}">{esc(say("doctor.copy"))}</button></div>'
        f'<table class="ep-table ep-findings"><tbody>{rows}</tbody></table>'
        f'<pre id="ep-doctor-text" class="ep-hidden">{esc(report(findings))}</pre>'
    )


def report(findings: Sequence[FindingLike]) -> str:
    """Plain text, a line a finding."""
    return "\n".join(" | ".join(part for part in (f.name, f.state, f.value, f.remedy) if part) for f in findings)
