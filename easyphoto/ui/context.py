"""What every panel works with, and how a panel's page is kept up to date."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from easyphoto.diagnostics import Finding
from easyphoto.domain import Checkpoint, Person
from easyphoto.errors import EasyPhotoError
from easyphoto.families import FALLBACK
from easyphoto.jobs import Event, Job, JobQueue, Kind, State
from easyphoto.library.drafts import DraftStore
from easyphoto.sqlite_damage import SetAside, not_dismissed
from easyphoto.ui.i18n import Translator
from easyphoto.ui.page_drafts import PageDrafts
from easyphoto.ui.pictures import PictureCache
from easyphoto.ui.rendering import render
from easyphoto.ui.template_fits import TemplateFits
from easyphoto.ui.template_store import TemplateGrid
from easyphoto.ui.time_left import ProgressEstimate, TimeLeft
from easyphoto.ui.uploads import BrowserUploads
from easyphoto.weights import lora_files

if TYPE_CHECKING:
    from easyphoto.studio import Studio

log = logging.getLogger(__name__)

MOST_EVENTS = 100_000
ALIKE = (
    "base_model",
    "faces",
    "train_lora",
    "enhance_photos",
    "best_of",
    "variations",
    "second_pass",
    "portrait",
    "from_text",
    "lcm",
)
"""Fields of requests in which two jobs are alike that take as long."""


def no_ticket(path: str) -> str:
    """For links that need none."""
    return ""


@dataclass(frozen=True)
class UiContext:
    """Studio, queue and the page's own small tools, in one language."""

    studio: Studio
    jobs: JobQueue
    say: Translator
    examine: Callable[[], Sequence[Finding]]  # the doctor
    pictures: PictureCache = field(default_factory=PictureCache)
    api: str = "../easyphoto"  # address of the API as the page sees it
    ticket: Callable[[str], str] = no_ticket  # path of the API -> what a link to it has after it

    @cached_property
    def templates(self) -> TemplateGrid:
        """Templates."""
        return TemplateGrid(self.studio.paths, lambda: self.studio.faces)

    @cached_property
    def fits(self) -> TemplateFits:
        """How the templates fit somebody's photos."""
        return TemplateFits(lambda: self.studio.faces)

    @cached_property
    def uploads(self) -> BrowserUploads:
        """What browsers have brought."""
        return BrowserUploads(self.studio.paths.uploads)

    @cached_property
    def drafts(self) -> PageDrafts:
        """What pages held when they were last looked at."""
        return PageDrafts(DraftStore(self.studio.paths), self.uploads)

    def people(self) -> list[Person]:
        """Everybody, the newest first."""
        return sorted(self.studio.library.list(), key=lambda p: p.created, reverse=True)

    def person(self, person: str) -> Person | None:
        """The one of that id; None when they are not there any more."""
        return next((p for p in self.studio.library.list() if p.id == person), None)

    def damage(self) -> Sequence[SetAside]:
        """Damaged lists that were set aside and of which nobody has read yet."""
        return not_dismissed(self.studio.paths.jobs)

    def events(self, job: Job) -> Sequence[Event]:
        """All events of a job."""
        return self.jobs.events(job.id, 0, MOST_EVENTS)

    @cached_property
    def _time_left(self) -> TimeLeft:
        return TimeLeft(self.events, self._last_like)

    def where(self, job: Job, events: Sequence[Event] | None = None) -> ProgressEstimate:
        """How far a job is; its events may be there already."""
        return self._time_left.estimate(job, self.events(job) if events is None else events, time.time())

    def _last_like(self, job: Job) -> Job | None:
        """The newest finished job that did the same with the same model."""
        if job.kind is Kind.WEIGHTS:  # how long one download took says nothing of another
            return None
        finished = self.jobs.list(job.kind, (State.DONE,), limit=20)
        return next((one for one in finished if all(one.request.get(k) == job.request.get(k) for k in ALIKE)), None)

    def models(self) -> list[str]:
        """Names of the base models."""
        return [checkpoint.name for checkpoint in self.studio.engine.checkpoints()]

    def choices(self, field: str) -> dict[str, Any]:
        """What the widget of a request's field is made with, where it is chosen from what there is now."""
        if field == "vae":
            return {"choices": ["", *self.studio.engine.vaes()], "allow_custom_value": True}
        if field == "scene_lora":
            return {"choices": ["", *lora_files(self.studio.weights.folders)], "allow_custom_value": True}
        if field == "continue_from":
            trained = [one.name for one in self.people() if one.lora]
            return {"choices": ["", *trained], "allow_custom_value": True, "visible": bool(trained)}
        if field != "faces":
            return {}
        names = self.studio.toolboxes.names  # where there is one, there is nothing to choose
        return {"choices": ["", *names], "allow_custom_value": True, "visible": len(names) > 1}

    def base(self) -> Checkpoint:
        """The base model a form begins with; without a name while there is none."""
        name = self.studio.engine.default()
        return self.studio.engine.checkpoint(name) if name else Checkpoint("", FALLBACK)


def message(text: str) -> dict[str, Any]:
    """What our script wrote into a hidden field; {} for anything else."""
    try:
        said = json.loads(text or "{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def changed_updates(
    panel: str, shown: Mapping[str, str] | None, now: Mapping[str, str]
) -> tuple[list[Any], dict[str, str]]:
    """Updates for those parts of the page that differ from what is `shown`, and what is shown then.

    What has not changed is not sent again: nothing flickers and the focus stays where it is. Every part carries its
    mark, so that our script can tell what the page shows.
    """
    marks = {name: hashlib.sha256(html.encode()).hexdigest()[:16] for name, html in now.items()}
    old = shown or {}
    updates = [
        gr.update() if old.get(n) == marks[n] else gr.update(value=f"{html}{_mark(panel, n, marks[n])}")
        for n, html in now.items()
    ]
    return updates, marks


def _mark(panel: str, part: str, mark: str) -> str:
    return f'<i hidden data-ep-shows="{panel} {part} {mark}"></i>'


def download_payload(name: str, content: bytes, kind: str) -> str:
    """A file for the user, carried by the page itself; our script hands it to the browser once."""
    mark = hashlib.sha256(content + name.encode()).hexdigest()[:12]
    data = base64.b64encode(content).decode()
    return render("delivery", mark=mark, name=name, kind=kind, data=data)


def read(file: Path) -> bytes:
    """Of a file of ours. Raises EasyPhotoError."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise EasyPhotoError("page.file-gone", stage="download", file=file.name) from error
