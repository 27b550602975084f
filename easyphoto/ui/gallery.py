"""Portraits that are being made and those that are finished, whatever became of their jobs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from easyphoto.domain import NO_TEMPLATE, PortraitRequest
from easyphoto.errors import BadRequest
from easyphoto.jobs import Job, JobFile, Kind, State
from easyphoto.jobs.finished_portraits import found, name_of
from easyphoto.jobs.requests import read_request
from easyphoto.ui.context import UiContext, download_payload, read
from easyphoto.ui.job_view import job_html
from easyphoto.ui.portrait_cards import CardActions, PortraitResult, failures_html, full_html, gallery_html
from easyphoto.ui.portrait_view import TemplateTile
from easyphoto.ui.selection import GalleryView, portrait_id

JOB_BOX = "ep-portrait-job-box"
MOST_ENDED = 5  # ended jobs that still have something to say
MOST_ZIPPED = 96_000_000  # bytes of portraits that one page carries at once

Names = Mapping[str, str]  # person id -> display name


class Gallery:
    """Shows jobs that make portraits; a click brings the number of a job and the name of a portrait in it."""

    def __init__(self, context: UiContext, job_box: str = JOB_BOX, kind: Kind = Kind.PORTRAIT) -> None:
        self.context = context
        self.job_box = job_box  # the hidden field that a job's buttons write to
        self.kind = kind

    # ------------------------------------------------------------ clicks

    def act(self, said: Mapping[str, Any], view: GalleryView) -> str:
        """What a card's or the gallery's button says; a delivery where there is one. Raises EasyPhotoError."""
        actions: dict[str, Callable[[], str]] = {
            "download": lambda: self._download(said),
            "again": lambda: self._again(said),
            "favorite": lambda: self._favorite(said),
            "delete": lambda: self._delete(said, view),
            "zip": lambda: self._zip(view),
            "open": lambda: self._open(said),
        }
        do = actions.get(str(said.get("do")))
        return do() if do else ""

    def settings_of(self, said: Mapping[str, Any]) -> tuple[PortraitRequest, str]:
        """The request with the seed that was drawn, and the template's file name. Raises EasyPhotoError."""
        job, facts = self._facts(said)
        return replace(read_request(PortraitRequest, job.request), seed=int(facts["seed"])), str(facts["template"])

    def _download(self, said: Mapping[str, Any]) -> str:
        """The portrait's file, settings and all."""
        file = self._file(self._facts(said)[1])
        return download_payload(file.name, read(file), "image/png")

    def _again(self, said: Mapping[str, Any]) -> str:
        """One portrait by the same request of the same template with a seed that is drawn anew."""
        request, template = self.settings_of(said)
        card = self.context.templates.named(template)
        words_alone = request.from_text and template == NO_TEMPLATE.name
        if card is None and not words_alone:
            raise BadRequest("template.gone", file=template)
        files = [JobFile(card.file, card.file.name)] if card else []
        self.context.jobs.submit(Kind.PORTRAIT, replace(request, seed=-1, variations=1), files)
        return ""

    def _favorite(self, said: Mapping[str, Any]) -> str:
        self.context.jobs.portraits.mark(str(said.get("job")), str(said.get("portrait")), said.get("favorite") is True)
        return ""

    def _delete(self, said: Mapping[str, Any], view: GalleryView) -> str:
        """Only after the question."""
        if view.asked == portrait_id(said):
            self.context.jobs.portraits.remove(str(said.get("job")), str(said.get("portrait")))
        return ""

    def _zip(self, view: GalleryView) -> str:
        """All portraits that the view shows. Raises BadRequest where that is too much for one page."""
        shots = [shot for shot in self._shots(self.context.jobs.list(self.kind), {}, view) if shot.file.is_file()]
        size = sum(shot.file.stat().st_size for shot in shots)
        if not shots or size > MOST_ZIPPED:
            raise BadRequest("portrait.zip-too-large", stage="download", megabytes=size / 1e6, most=MOST_ZIPPED / 1e6)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:  # PNG is compressed already
            for shot in shots:
                archive.writestr(f"{shot.job}/{shot.name}", read(shot.file))
        return download_payload("easyphoto-portraits.zip", packed.getvalue(), "application/zip")

    def _open(self, said: Mapping[str, Any]) -> str:
        """The portrait and its template large, for the window over the page."""
        job, facts = self._facts(said)
        return full_html(self._shot(job, facts, {}, self._templates()), self.context.pictures)

    def _facts(self, said: Mapping[str, Any]) -> tuple[Job, dict[str, Any]]:
        job = self.context.jobs.get(str(said.get("job")))
        return job, found(job.result, str(said.get("portrait")))

    def _file(self, facts: Mapping[str, Any]) -> Path:
        return self.context.studio.paths.root / str(facts["file"])

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
        html = job_html(job, self.context.where(job, events), self.context.say, self.job_box, title)
        said = (job.error or {}).get("problem")
        news = [failure for failure in _failures(job) if failure.get("problem") != said]
        previews = [event.preview for event in events if event.preview and not job.over]
        uri = self.context.pictures.uri(previews[-1]) if previews else ""
        look = Markup('<div class="ep-look"><img src="{}" alt=""></div>').format(uri) if uri else ""
        return html + failures_html(news, self.context.say) + look

    def shots_html(
        self, jobs: Sequence[Job], names: Names, view: GalleryView, actions: CardActions | None = None
    ) -> Markup:
        """The newest portraits of the view, and a way to the older ones."""
        everything = self._shots(jobs, names, GalleryView())
        shots = [shot for shot in everything if shot.is_in(view)]
        context = self.context
        return gallery_html(everything, shots, view, context.pictures, context.say, actions or CardActions())

    def _shots(self, jobs: Sequence[Job], names: Names, view: GalleryView) -> list[PortraitResult]:
        """Every finished portrait of the view, the newest first, also those of a job that failed later."""
        templates = self._templates()
        shots = (
            self._shot(job, facts, names, templates)
            for job in jobs
            for facts in reversed((job.result or {}).get("portraits", ()))
        )
        return [shot for shot in shots if shot.is_in(view)]

    def _templates(self) -> dict[str, TemplateTile]:
        return {card.file.name: card for card in self.context.templates.cards()}

    def _shot(
        self, job: Job, facts: Mapping[str, Any], names: Names, templates: Mapping[str, TemplateTile]
    ) -> PortraitResult:
        card = templates.get(str(facts["template"]))
        return PortraitResult(job.id, name_of(facts), facts, self._file(facts), card, names, job.over)


def _failures(job: Job) -> list[Mapping[str, str]]:
    return list((job.result or {}).get("failures", ()))
