"""The page of model files: what is there, what a group still needs, and fetching it. Nothing is fetched unasked."""

from __future__ import annotations

from typing import Any

import gradio as gr
from markupsafe import Markup

from easyphoto.jobs import Job, Kind, State, WeightsRequest
from easyphoto.system_errors import FAILURES
from easyphoto.ui import compat
from easyphoto.ui.components import head, problem
from easyphoto.ui.context import UiContext, changed_updates, message
from easyphoto.ui.job_actions import apply_action
from easyphoto.ui.job_view import job_html
from easyphoto.ui.models_view import group_cards, groups_html, speed_html, title_of
from easyphoto.ui.panel_session import PanelSession

PANEL, PARTS = "models", ("jobs", "groups")
BOX = "ep-models-box"
MOST_ENDED = 2  # ended downloads that still have something to say


class ModelsPanel:
    """Groups of files with a button each; the download is a job like the others."""

    def __init__(self, context: UiContext) -> None:
        self.context = context

    def build(self) -> None:
        """Make the widgets inside the current tab."""
        say = self.context.say
        session, box = PanelSession(PANEL, PARTS), compat.hidden_box(BOX)
        out = gr.HTML("", elem_id="ep-models-out", elem_classes=["ep-hidden"])
        with gr.Column(elem_classes=["ep-card"]):
            gr.HTML(head(say("models.title"), say("models.intro")))
            safe = gr.Checkbox(False, label=say("models.safe"), elem_id="ep-models-safe")
            trouble = gr.HTML("", elem_id="ep-models-problem")
            jobs = gr.HTML("", elem_id="ep-models-jobs")
            groups = gr.HTML("", elem_id="ep-models-groups")
        shown = session["shown"]
        page = [jobs, groups, shown]
        session.poll(self.on_tick, [safe, shown], page)
        session.listen(safe.change, self.on_tick, [safe, shown], page)
        session.listen(box.change, self.on_box, [box, safe, shown], [out, trouble, *page])

    def on_tick(self, safe: bool, shown: dict[str, str]) -> list[Any]:
        """Whatever changed since."""
        try:
            now = {"jobs": self._jobs(), "groups": self._groups(safe is True)}
        except FAILURES as error:  # the list that ships is damaged
            now = {"jobs": Markup(""), "groups": problem(error, self.context.say)}
        updates, marks = changed_updates(PANEL, shown, now)
        return [*updates, marks]

    def on_box(self, text: str, safe: bool, shown: dict[str, str]) -> list[Any]:
        """A button of a group or of a download was pressed."""
        said, out, trouble = message(text), "", ""
        try:
            if said.get("do") == "fetch":
                request = WeightsRequest((str(said.get("group", "")),), safe is True)
                self.context.jobs.submit(Kind.WEIGHTS, request)
            else:
                out = apply_action(self.context, said)
        except FAILURES as error:
            trouble = problem(error, self.context.say)
        return [out, trouble, *self.on_tick(safe, shown)]

    def _jobs(self) -> Markup:
        jobs = self.context.jobs.list(Kind.WEIGHTS)
        ended = [job for job in jobs if job.over and job.state is not State.DONE][:MOST_ENDED]
        return Markup("").join(self._job(job) for job in (*(job for job in jobs if not job.over), *ended))

    def _job(self, job: Job) -> Markup:
        context = self.context
        title = ", ".join(title_of(name, context.say) for name in job.request.get("names", ()))
        news = context.jobs.events(job.id, max(0, job.last_event - 1)) if job.state is State.RUNNING else ()
        return job_html(job, context.where(job), context.say, BOX, title) + speed_html(news, context.say)

    def _groups(self, safe: bool) -> Markup:
        busy = {name for job in self.context.jobs.list(Kind.WEIGHTS) if not job.over for name in job.request["names"]}
        return groups_html(group_cards(self.context.studio.weights, safe), busy, BOX, self.context.say)
