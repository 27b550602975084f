"""The first page: photos and templates in, portraits out, without a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from easyphoto.domain import GOOD_FACE_PX, MOST_PHOTOS, QuickRequest
from easyphoto.errors import BadRequest
from easyphoto.jobs import Job, Kind, State
from easyphoto.library.templates import SAMPLE_TEMPLATES
from easyphoto.locales import Message
from easyphoto.system_errors import FAILURES
from easyphoto.ui import compat, quick_view
from easyphoto.ui.action_bar import action_bar
from easyphoto.ui.components import empty, head, not_pictures, problem
from easyphoto.ui.context import UiContext, changed_updates, message
from easyphoto.ui.gallery import Gallery
from easyphoto.ui.job_actions import apply_action
from easyphoto.ui.own_templates import add_templates
from easyphoto.ui.page_drafts import BROWSER, quick_facts
from easyphoto.ui.panel_session import PanelSession
from easyphoto.ui.photos_view import DraftPhoto
from easyphoto.ui.portrait_cards import CardActions
from easyphoto.ui.portrait_view import TemplateChoice, fits_html, templates_html
from easyphoto.ui.quick_view import QuickDraft, next_html, photos_html, told_html
from easyphoto.ui.selection import Selection, portrait_id

PANEL = "quick"
PARTS = ("photos", "templates", "jobs", "shots", "told", "next")
SAMPLE = "astronaut.png"


class QuickPanel:
    """Widgets and what happens when they are used; the work is the queue's."""

    def __init__(self, context: UiContext) -> None:
        self.context = context
        self.gallery = Gallery(context, quick_view.JOB_BOX, Kind.QUICK)
        self._sample = context.studio.paths.samples / SAMPLE

    # ------------------------------------------------------------ layout

    def build(self) -> None:
        """Make the widgets inside the current tab."""
        self.session = PanelSession(PANEL, PARTS, draft=QuickDraft())
        self.draft = self.session["draft"]
        self.box = compat.hidden_box(quick_view.BOX)
        self.job_box = compat.hidden_box(quick_view.JOB_BOX)
        self.draft_box, self.told_draft = compat.draft_field("quick")
        self.out = gr.HTML("", elem_id="ep-quick-out", elem_classes=["ep-hidden"])
        with gr.Row(elem_classes=["ep-columns"]):
            with gr.Column(scale=5, min_width=320):
                self._choose()
            with gr.Column(scale=7, min_width=320):
                self._results()
        self.problem, self.go = action_bar("ep-quick-problem", "ep-quick-go", self.context.say("quick.go"))
        self._listen()

    def _choose(self) -> None:
        say = self.context.say
        with gr.Column(elem_classes=["ep-card"]):
            intro = say("quick.intro", most=MOST_PHOTOS, px=GOOD_FACE_PX)
            gr.HTML(head(say("quick.photos"), intro, 1))
            self.upload = compat.upload_field(say("quick.drop"), "ep-quick-upload")
            self.photos = gr.HTML(self._photos(QuickDraft()), elem_id="ep-quick-photos")
            self.consent = gr.Checkbox(False, label=say("quick.consent"), elem_id="ep-quick-consent")
        with gr.Column(elem_classes=["ep-card", "ep-chooser"]):
            gr.HTML(head(say("templates.title"), say("templates.intro"), 2))
            self.templates = gr.HTML("", elem_id="ep-quick-templates")
            self.own = compat.pictures_button(say("quick.template"), "ep-quick-own")

    def _results(self) -> None:
        say = self.context.say
        with gr.Column(elem_classes=["ep-card", "ep-sticky"]):
            gr.HTML(head(say("portrait.results"), "", 3))
            self.jobs = gr.HTML("", elem_id="ep-quick-jobs")
            self.shots = gr.HTML(self._idle(), elem_id="ep-quick-shots")
            self.told = gr.HTML("", elem_id="ep-quick-told")
            self.next = gr.HTML("", elem_id="ep-quick-next")

    def _idle(self) -> str:
        say = self.context.say
        return empty(say("portrait.results.empty"), say("quick.results.empty.next"), "frame")

    # ------------------------------------------------------------ events

    def _listen(self) -> None:
        parts = [self.photos, self.templates, self.jobs, self.shots, self.told, self.next]
        session, shown = self.session, self.session["shown"]
        page, seen = [self.draft, *parts, shown], [self.draft, shown]
        agreed = [self.consent, self.problem]
        session.poll(self.on_tick, seen, page)
        session.listen(self.draft_box.change, self.on_draft, [self.draft_box, *seen], [self.told_draft, *agreed, *page])
        session.listen(self.upload.upload, self.on_upload, [self.upload, *seen], [self.upload, *agreed, *page])
        session.listen(self.own.upload, self.on_template, [self.own, *seen], [self.own, self.problem, *page])
        session.listen(self.box.change, self.on_box, [self.box, *seen], [self.out, *agreed, *page])
        session.listen(self.job_box.change, self.on_job, [self.job_box, *seen], [self.out, self.problem, *page])
        session.listen(self.go.click, self.on_go, [self.consent, *seen], [self.problem, *page], once=True)

    def on_draft(self, text: str, draft: QuickDraft, shown: dict[str, str]) -> list[Any]:
        """The browser tells its token: what it held before a reload comes back."""
        browser = str(message(text).get("browser", ""))
        if not draft.photos and not draft.selection.chosen:
            draft = self._checked(self.context.drafts.quick_draft(browser, "quick"))
        agreed = gr.update(value=True) if draft.sample else gr.update()
        return [compat.DRAFT_READ, agreed, gr.update(), *self._page(draft, {**shown, BROWSER: browser})]

    def on_tick(self, draft: QuickDraft, shown: dict[str, str]) -> list[Any]:
        """Whatever changed since."""
        return self._page(self._checked(draft), shown)

    def on_upload(self, value: Any, draft: QuickDraft, shown: dict[str, str]) -> list[Any]:
        """More photos; the sample's consent does not hold for them."""
        agreed, trouble = gr.update(value=False) if draft.sample else gr.update(), ""
        try:
            brought, others = self.context.uploads.take_pictures(value)
            trouble = not_pictures(others, self.context.say)
            more = draft.with_photos(brought)
            kept = {photo.file for photo in more.photos}
            self.context.uploads.drop(*(one.file for one in brought if one.file not in kept))
            draft = more
        except FAILURES as error:
            trouble = problem(error, self.context.say)
        return [None, agreed, trouble, *self._page(draft, shown)]

    def on_template(self, value: Any, draft: QuickDraft, shown: dict[str, str]) -> list[Any]:
        """Templates of the user's own, chosen at once; a bad one is named and the others stay."""
        selection, trouble = add_templates(self.context, value, draft.selection)
        return [None, trouble, *self._page(self._checked(replace(draft, selection=selection)), shown)]

    def on_box(self, text: str, draft: QuickDraft, shown: dict[str, str]) -> list[Any]:
        """A photo, a template or a finished portrait was clicked."""
        said, out, trouble = message(text), "", ""
        before = self._checked(draft)
        draft = before
        try:
            draft, out = self._do(said, before)
        except FAILURES as error:
            trouble = problem(error, self.context.say)
        changed = draft.sample != before.sample
        return [out, gr.update(value=draft.sample) if changed else gr.update(), trouble, *self._page(draft, shown)]

    def _do(self, said: Mapping[str, Any], draft: QuickDraft) -> tuple[QuickDraft, str]:
        do, out, view = said.get("do"), "", draft.selection.view
        if do in ("clear", "remove-photo", "sample"):
            return self._photos_after(said, draft), ""
        if do in ("download", "favorite", "zip", "open", "delete"):
            out = self.gallery.act(said, view)
        if do in ("delete", "delete-run") and view.asked == portrait_id(said):
            self._delete_run(str(said["job"]), even_portraits=do == "delete-run")
        return replace(draft, selection=self._chosen_after(said, draft)), out

    def _delete_run(self, job: str, even_portraits: bool) -> None:
        """With the copies of its photos, as soon as no portrait of it is left or it is to go with its portraits."""
        if even_portraits or not (self.context.jobs.get(job).result or {}).get("portraits"):
            self.context.jobs.delete(job, with_results=True)

    def _photos_after(self, said: Mapping[str, Any], draft: QuickDraft) -> QuickDraft:
        """After a button of the photos; files of those that went are deleted."""
        do = said.get("do")
        if do == "sample":
            cards = {card.file.name: card.id for card in self.context.templates.cards() if not card.own}
            photo = DraftPhoto(self.context.uploads.add(SAMPLE, self._sample).file, SAMPLE)
            after = draft.with_sample(photo, [cards[name] for name in SAMPLE_TEMPLATES if name in cards])
        elif do == "clear":
            after = replace(draft, photos=(), sample=False)
        else:
            after = draft.without_photo(int(said.get("photo", -1)))
        kept = {photo.file for photo in after.photos}
        self.context.uploads.drop(*(photo.file for photo in draft.photos if photo.file not in kept))
        return after

    def _chosen_after(self, said: Mapping[str, Any], draft: QuickDraft) -> Selection:
        """The selection after a button of the templates or of the gallery."""
        do, template, selection = said.get("do"), str(said.get("template", "")), draft.selection
        if do == "toggle":
            return selection.toggled(template)
        if do == "remove":
            self.context.templates.remove(template)
            return selection.without(template)
        return replace(selection, view=selection.view.after(said))

    def on_job(self, text: str, draft: QuickDraft, shown: dict[str, str]) -> list[Any]:
        """A button of a job was pressed."""
        out, trouble = "", ""
        try:
            out = apply_action(self.context, message(text))
        except FAILURES as error:
            trouble = problem(error, self.context.say)
        return [out, trouble, *self._page(draft, shown)]

    def on_go(self, consent: bool, draft: QuickDraft, shown: dict[str, str]) -> list[Any]:
        """Put the portraits into the queue."""
        cards = self.context.templates.cards()
        draft = draft.checked(cards)
        try:
            agreed = consent is True  # a message from elsewhere may say anything
            self._refuse_early(agreed, draft)
            base = self.context.base()
            adapter = self.context.studio.engine.identity_adapter(base.family)
            request = QuickRequest.for_family(base.family, agreed, adapter, base_model=base.name)
            self.context.jobs.submit(Kind.QUICK, request, draft.files(cards))
        except FAILURES as error:
            return [problem(error, self.context.say), *self._page(draft, shown)]
        return ["", *self._page(draft, shown)]

    def _refuse_early(self, consent: bool, draft: QuickDraft) -> None:
        """All that is missing, at once. Raises BadRequest."""
        rules = (
            (not draft.photos, "train.needs.photos"),
            (not consent, "train.needs.consent"),
            (not draft.selection.chosen, "portrait.choose"),
            (not self.context.models(), "needs.model"),
        )
        if missing := [Message(f"page.{key}") for broken, key in rules if broken]:
            raise BadRequest("form.incomplete", missing=missing)

    # ------------------------------------------------------------ the page

    def _checked(self, draft: QuickDraft) -> QuickDraft:
        return draft.checked(self.context.templates.cards())

    def _templates(self, draft: QuickDraft) -> str:
        """The tiles, and what is to be expected of those chosen: a quick portrait changes the leftmost face."""
        context, cards = self.context, self.context.templates.cards()
        photos = [photo.file for photo in draft.photos]
        known = {card.id: context.fits.of(card.file, photos) for card in cards} if photos else {}
        fits = {one: faces[0] for one, faces in known.items() if faces}
        choice = TemplateChoice(draft.selection, fits)
        tiles = templates_html(cards, choice, context.pictures, context.say, quick_view.BOX)
        return tiles + fits_html(cards, choice, context.say)

    def _photos(self, draft: QuickDraft) -> str:
        return photos_html(draft, self._sample.is_file(), self.context.pictures, self.context.say)

    def _page(self, draft: QuickDraft, shown: dict[str, str]) -> list[Any]:
        updates, marks = changed_updates(PANEL, shown, dict(zip(PARTS, self._parts(draft), strict=True)))
        return [draft, *updates, marks | self.context.drafts.keep(shown, "quick", quick_facts(draft))]

    def _parts(self, draft: QuickDraft) -> tuple[str, ...]:
        context, jobs = self.context, self.context.jobs.list(Kind.QUICK)
        finished = any((job.result or {}).get("portraits") for job in jobs)
        actions = CardActions(quick_view.BOX, "", again=False)
        names = _names(jobs, context.say("quick.person"))
        newest = next((job for job in jobs if job.state is State.DONE), None)
        return (
            self._photos(draft),
            self._templates(draft),
            self.gallery.jobs_html(jobs, {}),
            self.gallery.shots_html(jobs, names, draft.selection.view, actions) if finished else self._idle(),
            told_html(newest, context.say),
            next_html(context.base(), context.say) if finished else "",
        )


def _names(jobs: Sequence[Job], name: str) -> dict[str, str]:
    """Ids of nobody, which the portraits of a quick job bear, all with that name."""
    made = [one for job in jobs for one in (job.result or {}).get("portraits", ())]
    return {score["person"]: name for one in made for score in one.get("likeness", ())}
