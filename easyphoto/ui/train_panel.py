"""The page on which a person is trained: photos, name, start, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import gradio as gr

from easyphoto.domain import GOOD_FACE_PX, TrainRequest
from easyphoto.errors import EasyPhotoError, NotFound
from easyphoto.jobs import CheckRequest, Job, Kind
from easyphoto.library.uploads import StoredUpload
from easyphoto.system_errors import FAILURES
from easyphoto.ui import compat, photos_view, train_view
from easyphoto.ui.action_bar import action_bar
from easyphoto.ui.advanced import AdvancedFields
from easyphoto.ui.base_models import MARK, BaseModels
from easyphoto.ui.components import damage_html, empty, head, not_pictures, problem
from easyphoto.ui.context import UiContext, changed_updates, message
from easyphoto.ui.form import Form
from easyphoto.ui.job_actions import apply_action
from easyphoto.ui.job_view import job_html
from easyphoto.ui.page_drafts import BROWSER, photo_facts
from easyphoto.ui.panel_session import PanelSession
from easyphoto.ui.photos_view import (
    Draft,
    DraftPhoto,
    added,
    as_files,
    photos_html,
    present,
    with_override,
    with_reports,
)
from easyphoto.ui.quick_view import QuickDraft
from easyphoto.ui.training_start import CONTINUED, TRAINABLE, continued_fields, photos_asked_for, start_training

PANEL = "train"
PARTS = ("photos", "jobs", "curves", "validation_images", "outcome", "models", "damage", "times")


class TrainPanel:
    """Widgets and what happens when they are used; the work is the queue's."""

    def __init__(self, context: UiContext) -> None:
        self.context = context
        self.form = Form(TrainRequest, context.say, "ep-train", context.base())
        self.models = BaseModels(context)
        self.advanced = AdvancedFields(self.form, context)

    # ------------------------------------------------------------ layout

    def build(self, go_box: Any, quick: Any) -> None:
        """Make the widgets inside the current tab; `go_box` may ask for photos of `quick`, the first page's draft."""
        self.session = PanelSession(PANEL, PARTS, draft=(), checking="")
        self.photo_box = compat.hidden_box(photos_view.BOX)
        self.job_box = compat.hidden_box(train_view.BOX)
        self.draft_box, self.told_draft = compat.draft_field("train")
        self.out = gr.HTML("", elem_id="ep-train-out", elem_classes=["ep-hidden"])
        self.damage = gr.HTML("", elem_id="ep-train-damage")
        with gr.Row(elem_classes=["ep-columns"]):
            with gr.Column(scale=7, min_width=320):
                self._photos()
                self._person()
            with gr.Column(scale=5, min_width=320), gr.Column(elem_classes=["ep-card", "ep-sticky"]):
                self._status()
        self.problem, self.start = action_bar("ep-train-problem", "ep-train-start", self.context.say("train.start"))
        self._listen(go_box, quick)

    def _photos(self) -> None:
        say = self.context.say
        with gr.Column(elem_classes=["ep-card"]):
            gr.HTML(head(say("photos.title"), say("photos.intro", px=GOOD_FACE_PX), 1))
            self.upload = compat.upload_field(say("photos.drop"), "ep-train-upload")
            with gr.Row(elem_classes=["ep-actions"]):
                self.folder = compat.folder_button(say("photos.folder"), "ep-train-folder")
                self.check = gr.Button(say("photos.check"), elem_id="ep-train-check")
                self.clear = gr.Button(say("photos.clear"), elem_id="ep-train-clear")
            self.photos = gr.HTML(photos_html((), self.context.pictures, say), elem_id="ep-train-photos")

    def _person(self) -> None:
        say = self.context.say
        with gr.Column(elem_classes=["ep-card"]):
            gr.HTML(head(say("person.title"), "", 2))
            self.form.place("person", info=say("person.name.help"), max_lines=1)
            self.form.place("consent", label=say("person.consent"), info=None)
            self.form.place("base_model", **self.models.changes())
            self.form.place("continue_from", **self.context.choices("continue_from"))
            self.models_note = gr.HTML(self.models.note_html(), elem_id="ep-train-models")
            self.advanced.build()

    def _status(self) -> None:
        say = self.context.say
        gr.HTML(head(say("tab.train"), "", 3))
        self.jobs = gr.HTML(self._idle(), elem_id="ep-train-jobs")
        self.outcome = gr.HTML("", elem_id="ep-train-outcome")
        self.curves = gr.HTML("", elem_id="ep-train-curves")
        self.validation_images = gr.HTML("", elem_id="ep-train-validation")

    def _idle(self) -> str:
        return empty(self.context.say("train.idle"), self.context.say("train.idle.next"), "curve")

    # ------------------------------------------------------------ events

    def _listen(self, go_box: Any, quick: Any) -> None:
        model = self.form.widgets["base_model"]
        parts = [
            *(self.photos, self.jobs, self.curves, self.validation_images, self.outcome),
            *(self.models_note, self.damage, self.advanced.times),
        ]
        session = self.session
        shown, state = session["shown"], [session["draft"], session["checking"]]
        page, seen = [*parts, model, shown], [*state, shown]
        for upload in (self.upload, self.folder):
            session.listen(upload.upload, self.on_upload, [upload, *seen], [upload, self.problem, *state, *page])
        session.listen(go_box.change, self.on_photos_of, [go_box, quick, *seen], [self.problem, *state, *page])
        goes_on = self.form.widgets["continue_from"]
        compat.listen(go_box.change, self.on_continue, [go_box], [self.form.widgets[name] for name in CONTINUED])
        told = [self.told_draft, self.form.widgets["person"]]
        session.listen(self.draft_box.change, self.on_draft, [self.draft_box, *seen], [*told, *state, *page])
        name = self.form.widgets["person"]
        session.listen(name.change, self.on_name, [name, shown], [])
        session.listen(self.photo_box.change, self.on_photo, [self.photo_box, *seen], [*state, *page])
        session.listen(self.clear.click, self.on_clear, [session["draft"], shown], [*state, *page])
        faces = self.form.widgets["faces"]
        session.listen(self.check.click, self.on_check, [*seen, faces], [self.problem, *state, *page])
        session.poll(self.on_tick, seen, [self.problem, *state, *page])
        session.listen(self.job_box.change, self.on_job, [self.job_box, *seen], [self.out, self.problem, *state, *page])
        widgets = self.form.all_widgets()
        session.listen(self.start.click, self.on_start, [*seen, *widgets], [self.problem, *state, *page])
        compat.listen(model.change, self.on_model, [model, goes_on], widgets)
        self.advanced.listen()

    def on_draft(self, text: str, draft: Draft, checking: str, shown: dict[str, str]) -> list[Any]:
        """The browser tells its token: photos, verdicts and name that it held before a reload come back."""
        browser = str(message(text).get("browser", ""))
        kept = self.context.drafts.read(browser, "train")
        name = gr.update(value=kept["name"]) if kept.get("name") else gr.update()
        if not draft:
            draft, checking = self.context.drafts.photos_of(kept), checking or str(kept.get("checking", ""))
        return [compat.DRAFT_READ, name, *self._page(draft, checking, {**shown, BROWSER: browser})]

    def on_name(self, name: str, shown: dict[str, str]) -> None:
        """The name is a part of the draft."""
        self.context.drafts.keep(shown, "train", {"name": str(name or "")})

    def on_upload(self, value: Any, draft: Draft, checking: str, shown: dict[str, str]) -> list[Any]:
        """More photos; the field is empty again for the next ones."""
        try:
            brought, others = self.context.uploads.take_pictures(value)
        except FAILURES as error:
            return [None, problem(error, self.context.say), *self._page(draft, checking, shown)]
        more = added(draft, brought)
        self._drop(brought, more)
        return [None, not_pictures(others, self.context.say), *self._page(more, checking, shown)]

    def on_photos_of(
        self, text: str, quick: QuickDraft, draft: Draft, checking: str, shown: dict[str, str]
    ) -> list[Any]:
        """Copies of the quick portraits' photos, or of a person's kept ones, when their page asks for it."""
        asked = message(text)
        if asked.get("tab") != "train" or not asked.get("photos"):
            return ["", *self._page(draft, checking, shown)]
        try:
            files = photos_asked_for(self.context, asked, quick)
            brought = [self.context.uploads.add(name, file) for name, file in files]
        except FAILURES as error:
            return [problem(error, self.context.say), *self._page(draft, checking, shown)]
        more = added(draft, brought)
        self._drop(brought, more)
        return ["", *self._page(more, checking, shown)]

    def on_continue(self, text: str) -> list[Any]:
        """A person's page asks to go on from their LoRA."""
        values = continued_fields(self.context, message(text))
        return [gr.update() if value is None else gr.update(value=value, visible=True) for value in values]

    def on_photo(self, text: str, draft: Draft, checking: str, shown: dict[str, str]) -> list[Any]:
        """The user's word on one photo."""
        said = message(text)
        left = with_override(draft, int(said.get("photo", -1)), str(said.get("word")))
        self._drop(draft, left)
        return self._page(left, checking, shown)

    def on_clear(self, draft: Draft, shown: dict[str, str]) -> list[Any]:
        """No photos."""
        self._drop(draft, ())
        return self._page((), "", shown)

    def _drop(self, files: Iterable[DraftPhoto | StoredUpload], draft: Draft) -> None:
        """Delete those that are not on the page."""
        kept = {photo.file for photo in draft}
        self.context.uploads.drop(*(one.file for one in files if one.file not in kept))

    def on_check(self, draft: Draft, checking: str, shown: dict[str, str], faces: str | None = None) -> list[Any]:
        """Have the photos looked at, with the toolbox that the training is to use."""
        draft = present(draft)
        try:
            job = self.context.jobs.submit(Kind.CHECK, CheckRequest(faces or ""), as_files(draft))
        except FAILURES as error:
            return [problem(error, self.context.say), *self._page(draft, checking, shown)]
        return ["", *self._page(draft, job.id, shown)]

    def on_start(self, draft: Draft, checking: str, shown: dict[str, str], *values: Any) -> list[Any]:
        """Put the training into the queue."""
        draft = present(draft)
        try:
            request = self.form.request(values)
            start_training(self.context, request, draft)
        except FAILURES as error:
            return [problem(error, self.context.say), *self._page(draft, checking, shown)]
        return ["", *self._page(draft, checking, shown)]

    def on_job(self, text: str, draft: Draft, checking: str, shown: dict[str, str]) -> list[Any]:
        """A button of a job was pressed."""
        said, out, trouble = message(text), "", ""
        try:
            out = apply_action(self.context, said)
        except FAILURES as error:
            trouble = problem(error, self.context.say)
        return [out, trouble, *self._page(draft, checking, shown)]

    def on_tick(self, draft: Draft, checking: str, shown: dict[str, str]) -> list[Any]:
        """Whatever changed since; a finished check brings its verdicts, a failed one its reason."""
        job = self._ended_check(checking)
        if job is None:
            return [gr.update(), *self._page(draft, checking, shown)]
        if job.result:
            draft = with_reports(draft, job.files, job.result.get("reports", ()))
        trouble = problem(job.error, self.context.say) if job.error else ""
        self.context.jobs.delete(job.id)
        return [trouble, *self._page(draft, "", shown)]

    def on_model(self, name: str, goes_on: str | None = None) -> list[Any]:
        """The new base model's defaults, but whose LoRA is gone on from; nothing for one that has just gone."""
        try:
            family = self.context.studio.engine.checkpoint(name).family
        except EasyPhotoError:
            return [gr.update()] * len(self.form.widgets)
        kept = ("continue_from", "train_lora") if goes_on else ("continue_from",)
        return self.form.defaults_for(family, but=("person", "consent", "base_model", "seed", *kept))

    # ------------------------------------------------------------ the page

    def _ended_check(self, checking: str) -> Job | None:
        """The check this page waits for, once it is over."""
        job = self._check_of(checking)
        return job if job and job.over else None

    def _check_of(self, checking: str) -> Job | None:
        try:
            return self.context.jobs.get(checking) if checking else None
        except NotFound:
            return None

    def _page(self, draft: Draft, checking: str, shown: dict[str, str]) -> list[Any]:
        """State and every part of the page that changed."""
        job = self.current()
        damage = damage_html(self.context.damage(), self.context.say, train_view.BOX)
        parts = (*self._parts(draft, checking, job), self.models.note_html(), damage, self.advanced.measured.html())
        updates, marks = changed_updates(PANEL, shown, dict(zip(PARTS, parts, strict=True)))
        choice, marks[MARK] = self.models.fresh(shown)
        held = {"photos": photo_facts(draft), "checking": checking}
        return [draft, checking, *updates, choice, marks | self.context.drafts.keep(shown, "train", held)]

    def _parts(self, draft: Draft, checking: str, job: Job | None) -> Sequence[str]:
        context, progress = self.context, self._check_progress(checking)
        photos = photos_html(draft, context.pictures, context.say, progress)
        if job is None:
            return photos, self._idle(), "", "", ""
        events = context.events(job)
        person = context.person(str((job.result or {}).get("person", "")))
        return (
            photos,
            "".join(self._job(one) for one in self._listed(job)),
            train_view.figures_html(job, events, context.say),
            train_view.validation_images_html(events, context.pictures, context.say),
            train_view.outcome_html(job, person, context.pictures, context.say),
        )

    def _check_progress(self, checking: str) -> tuple[int, int] | None:
        job = self._check_of(checking)
        return (job.done, max(job.total, len(job.files))) if job else None

    def _job(self, job: Job) -> str:
        title = str(job.request.get("person", ""))
        return job_html(job, self.context.where(job), self.context.say, train_view.BOX, title)

    def current(self) -> Job | None:
        """The training the page is about: the one that runs or waits, else the newest."""
        jobs = self.context.jobs.list(Kind.TRAIN)
        return next((j for j in reversed(jobs) if j.state in TRAINABLE), jobs[0] if jobs else None)

    def _listed(self, current: Job) -> list[Job]:
        """It, and those that wait behind it."""
        waiting = [j for j in reversed(self.context.jobs.list(Kind.TRAIN, TRAINABLE)) if j.id != current.id]
        return [current, *waiting]
