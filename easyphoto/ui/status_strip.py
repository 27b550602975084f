"""One line over all panels: what runs, how far it is, what waits behind it; and what has just ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from easyphoto.jobs import Job, Kind, State
from easyphoto.system_errors import FAILURES
from easyphoto.ui import compat
from easyphoto.ui.components import problem
from easyphoto.ui.context import UiContext, changed_updates, message
from easyphoto.ui.i18n import Translator
from easyphoto.ui.job_actions import apply_action
from easyphoto.ui.job_view import stage_text, time_text
from easyphoto.ui.panel_session import PanelSession
from easyphoto.ui.rendering import render
from easyphoto.ui.time_left import ProgressEstimate

PANEL, PARTS = "status", ("strip",)
BOX = "ep-status-box"
TOLD_SECONDS = 20.0  # how long an ended job is told
PANEL_OF = {
    Kind.TRAIN: "train",
    Kind.CHECK: "train",
    Kind.PORTRAIT: "portrait",
    Kind.QUICK: "quick",
    Kind.WEIGHTS: "models",
}


class StatusStrip:
    """The line with its own beat, since no panel's news reach another panel."""

    def __init__(self, context: UiContext) -> None:
        self.context = context

    def build(self) -> None:
        """Make the widgets above the tabs."""
        session, box = PanelSession(PANEL, PARTS), compat.hidden_box(BOX)
        shown = session["shown"]
        strip = gr.HTML("", elem_id="ep-status")
        trouble = gr.HTML("", elem_id="ep-status-problem")
        session.poll(self.on_tick, [shown], [strip, shown])
        session.listen(box.change, self.on_box, [box, shown], [trouble, strip, shown])

    def on_tick(self, shown: dict[str, str]) -> list[Any]:
        """Whatever changed since."""
        updates, marks = changed_updates(PANEL, shown, {"strip": self._strip()})
        return [*updates, marks]

    def on_box(self, text: str, shown: dict[str, str]) -> list[Any]:
        """A button of the line was pressed."""
        trouble = ""
        try:
            apply_action(self.context, message(text))
        except FAILURES as error:
            trouble = problem(error, self.context.say)
        return [trouble, *self.on_tick(shown)]

    def _strip(self) -> Markup:
        jobs = self.context.jobs.list(states=(State.RUNNING, State.QUEUED))
        running = next((job for job in jobs if job.state is State.RUNNING and job.kind is not Kind.CHECK), None)
        job = running or next(iter(reversed(jobs)), None) or self._just_ended()
        if job is None:
            return Markup("")
        return strip_html(job, self.context.where(job), jobs, self._name(job), self.context.say)

    def _just_ended(self) -> Job | None:
        newest = self.context.jobs.list(limit=5)
        recent = [job for job in newest if job.ended > time.time() - TOLD_SECONDS and job.kind is not Kind.CHECK]
        return max(recent, key=lambda job: job.ended, default=None)

    def _name(self, job: Job) -> str:
        if job.kind is Kind.TRAIN:
            return str(job.request.get("person", ""))
        if job.kind is Kind.WEIGHTS:
            return ", ".join(job.request.get("names", ()))
        names = {person.id: person.name for person in self.context.people()}
        return ", ".join(dict.fromkeys(names.get(p, p) for p in job.request.get("persons", ()) if p))


def strip_html(job: Job, where: ProgressEstimate, jobs: Sequence[Job], name: str, say: Translator) -> Markup:
    """The line about one job and the number of those behind it."""
    waiting = sum(other.state is State.QUEUED and other.id != job.id for other in jobs)
    return render(
        "status_strip",
        job=job,
        title=" · ".join(filter(None, (say(f"status.{job.kind.value}"), name))),
        state=say(f"job.{job.state.value}"),
        percent=round(where.fraction * 100),
        stage=stage_text(job, say),
        time=time_text(job, where, say),
        waiting=say("status.waiting", n=waiting) if waiting else "",
        panel=PANEL_OF[job.kind],
        box=BOX,
        say=say,
    )
