"""Portraits that are being made and those that are finished, whatever became of their jobs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from easyphoto.domain import PortraitRequest
from easyphoto.errors import BadRequest
from easyphoto.jobs import Job, JobFile, Kind, State
from easyphoto.ui.components import button
from easyphoto.ui.context import UiContext, download_payload, read
from easyphoto.ui.job_view import job_html
from easyphoto.ui.portrait_cards import CardActions, PortraitResult, failures_html, shots_html

JOB_BOX = "ep-portrait-job-box"
MOST_ENDED = 5  # ended jobs that still have something to say

Names = Mapping[str, str]  # person id -> display name


class Gallery:
    """Shows jobs that make portraits; a click brings the number of a job and of a portrait in it."""

    def __init__(self, context: UiContext, job_box: str = JOB_BOX) -> None:
        self.context = context
        self.job_box = job_box  # the hidden field that a job's buttons write to

    # ------------------------------------------------------------ clicks

    def download(self, said: Mapping[str, Any]) -> str:
        """The portrait's file, settings and all, as a delivery. Raises EasyPhotoError."""
        _, facts = self._facts(said)
        file = self.context.studio.paths.root / facts["file"]
        return download_payload(file.name, read(file), "image/png")

    def again(self, said: Mapping[str, Any]) -> None:
        """The same request for the same template with a seed that is drawn anew. Raises EasyPhotoError."""
        job, facts = self._facts(said)
        card = self.context.templates.named(str(facts["template"]))
        if card is None:
            raise BadRequest("template.gone", file=str(facts["template"]))
        request = PortraitRequest(**{**job.request, "persons": tuple(job.request.get("persons", ()))})
        files = [JobFile(card.file, card.file.name)]
        self.context.jobs.submit(Kind.PORTRAIT, replace(request, seed=-1), files)

    def _facts(self, said: Mapping[str, Any]) -> tuple[Job, dict[str, Any]]:
        job = self.context.jobs.get(str(said.get("job")))
        portraits = (job.result or {}).get("portraits", ())
        number = int(said.get("portrait", -1))
        if not 0 <= number < len(portraits):
            raise BadRequest("portrait.unknown")
        return job, portraits[number]

    # ------------------------------------------------------------ the page

    def jobs_html(self, jobs: Sequence[Job], names: Names) -> Markup:
        """What runs and waits, and the newest that ended with something to say."""
        going = [job for job in reversed(jobs) if not job.over]  # what runs, then the line in its order
        told = [job for job in jobs if job.over and (job.state is not State.DONE or _failures(job))]
        return Markup("").join(self._job(job, names) for job in (*going, *told[:MOST_ENDED]))

    def _job(self, job: Job, names: Names) -> Markup:
        people = ", ".join(dict.fromkeys(names.get(p, p) for p in job.request.get("persons", ()) if p))
        title = " · ".join(filter(None, (people, ", ".join(job.files))))
        events = self.context.events(job)
        html = job_html(job, events, time.time(), self.context.say, self.job_box, title)
        said = (job.error or {}).get("problem")
        news = [failure for failure in _failures(job) if failure.get("problem") != said]
        previews = [event.preview for event in events if event.preview and not job.over]
        uri = self.context.pictures.uri(previews[-1]) if previews else ""
        look = Markup('<div class="ep-look"><img src="{}" alt=""></div>').format(uri) if uri else ""
        return html + failures_html(news, self.context.say) + look

    def shots_html(self, jobs: Sequence[Job], names: Names, most: int, actions: CardActions | None = None) -> Markup:
        """The newest portraits, and a way to the older ones."""
        shots, actions = self._shots(jobs, names), actions or CardActions()
        html = shots_html(shots[:most], self.context.pictures, self.context.say, actions)
        if len(shots) <= most:
            return html
        older = button(self.context.say("portrait.older"), actions.box, {"do": "older"})
        return html + Markup('<div class="ep-centre">{}</div>').format(older)

    def _shots(self, jobs: Sequence[Job], names: Names) -> list[PortraitResult]:
        """Every finished portrait, the newest first, also those of a job that failed later."""
        root = self.context.studio.paths.root
        templates = {card.file.name: card.file for card in self.context.templates.cards()}
        return [
            PortraitResult(
                job.id, number, facts, root / str(facts["file"]), templates.get(str(facts["template"])), names
            )
            for job in jobs
            for number, facts in reversed(list(enumerate((job.result or {}).get("portraits", ()))))
        ]


def _failures(job: Job) -> list[Mapping[str, str]]:
    return list((job.result or {}).get("failures", ()))
