"""The page on which portraits are made: templates, who is who, words, switches, results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from easyphoto.domain import KEEP, Person, PortraitRequest
from easyphoto.errors import BadRequest, EasyPhotoError
from easyphoto.jobs import JobFile, Kind
from easyphoto.locales import Message
from easyphoto.portrait.template_fit import TemplateFit
from easyphoto.system_errors import FAILURES
from easyphoto.ui import compat, portrait_view
from easyphoto.ui.action_bar import action_bar
from easyphoto.ui.advanced import AdvancedFields
from easyphoto.ui.base_models import MARK, BaseModels
from easyphoto.ui.components import head, problem
from easyphoto.ui.context import UiContext, changed_updates, message
from easyphoto.ui.form import Form
from easyphoto.ui.gallery import JOB_BOX, Gallery
from easyphoto.ui.job_actions import apply_action
from easyphoto.ui.own_templates import add_templates
from easyphoto.ui.panel_session import PanelSession
from easyphoto.ui.portrait_cards import SETTINGS_BOX, shots_html
from easyphoto.ui.portrait_view import FitFor, TemplateChoice, TemplateTile, faces_html, templates_html
from easyphoto.ui.selection import GalleryView, Selection, orders

PANEL = "portrait"
PARTS = ("templates", "faces", "jobs", "shots", "models", "times")
PRESETS: dict[str, tuple[str, str]] = {
    "neutral": (PortraitRequest().prompt, PortraitRequest().negative_prompt),
    "studio": (
        "studio portrait photo, softbox light, plain background, fine detail",
        "low quality, blurry, watermark, text",
    ),
    "daylight": ("portrait photo outdoors, soft daylight, natural colors", "low quality, blurry, watermark, text"),
    "film": ("portrait on film, gentle grain, warm tones", "low quality, oversharpened, watermark, text"),
}
"""Words only; no preset asks for a smile, make-up or another age."""

KEPT = ("base_model", "prompt", "negative_prompt", "seed", "best_of", "variations")
"""Fields that another base model leaves as they are."""


class PortraitPanel:
    """Widgets and what happens when they are used; the work is the queue's."""

    def __init__(self, context: UiContext) -> None:
        self.context = context
        self.form = Form(PortraitRequest, context.say, "ep-portrait", context.base())
        self.models = BaseModels(context)
        self.advanced = AdvancedFields(self.form, context)
        self.gallery = Gallery(context)

    # ------------------------------------------------------------ layout

    def build(self, go_box: Any) -> None:
        """Make the widgets inside the current tab; `go_box` brings the person another page asks for."""
        self.session = PanelSession(PANEL, PARTS, selection=Selection())
        self.box = compat.hidden_box(portrait_view.BOX)
        self.job_box = compat.hidden_box(JOB_BOX)
        self.settings_box = compat.hidden_box(SETTINGS_BOX)
        self.out = gr.HTML("", elem_id="ep-portrait-out", elem_classes=["ep-hidden"])
        with gr.Row(elem_classes=["ep-columns"]):
            with gr.Column(scale=5, min_width=320):
                self._choose()
            with gr.Column(scale=7, min_width=320):
                self._results()
        self.problem, self.go = action_bar("ep-portrait-problem", "ep-portrait-go", self.context.say("portrait.go"))
        self._listen(go_box)

    def _choose(self) -> None:
        say = self.context.say
        with gr.Column(elem_classes=["ep-card", "ep-chooser"]):
            gr.HTML(head(say("templates.title"), say("templates.intro"), 1))
            self.templates = gr.HTML("", elem_id="ep-portrait-templates")
            self.upload = compat.upload_field(say("templates.drop"), "ep-portrait-upload")
        with gr.Column(elem_classes=["ep-card"]):
            gr.HTML(head(say("faces.title"), say("faces.intro"), 2))
            self.faces = gr.HTML("", elem_id="ep-portrait-faces")
        with gr.Column(elem_classes=["ep-card"]):
            gr.HTML(head(say("settings.title"), "", 3))
            self._settings()

    def _settings(self) -> None:
        say = self.context.say
        names = [say(f"preset.{key}") for key in PRESETS]
        options = {"open": False, "visible": "prompt" not in self.form.hidden, "elem_id": "ep-portrait-words"}
        with gr.Accordion(say("prompt.title"), **options) as self.words:
            self.preset = gr.Dropdown(names, value=names[0], label=say("prompt.preset"), elem_id="ep-portrait-preset")
            self.form.place("prompt", "negative_prompt", lines=2)
        self.form.place("base_model", **self.models.changes())
        self.models_note = gr.HTML(self.models.note_html(), elem_id="ep-portrait-models")
        self.form.place("variations", "best_of", "seed")
        self.advanced.build()

    def _results(self) -> None:
        with gr.Column(elem_classes=["ep-card", "ep-sticky"]):
            gr.HTML(head(self.context.say("portrait.results"), "", 4))
            self.jobs = gr.HTML("", elem_id="ep-portrait-jobs")
            self.shots = gr.HTML(shots_html((), self.context.pictures, self.context.say), elem_id="ep-portrait-shots")

    # ------------------------------------------------------------ events

    def _listen(self, go_box: Any) -> None:
        model = self.form.widgets["base_model"]
        parts = [self.templates, self.faces, self.jobs, self.shots, self.models_note, self.advanced.times]
        session, selection, shown = self.session, self.session["selection"], self.session["shown"]
        page, seen = [selection, *parts, model, shown], [selection, shown]
        widgets = self.form.all_widgets()
        session.poll(self.on_tick, seen, page)
        session.listen(self.upload.upload, self.on_upload, [self.upload, *seen], [self.upload, self.problem, *page])
        session.listen(self.box.change, self.on_box, [self.box, *seen], [self.out, self.problem, *page])
        session.listen(self.job_box.change, self.on_job, [self.job_box, *seen], [self.out, self.problem, *page])
        session.listen(
            self.settings_box.change, self.on_settings, [self.settings_box, *seen], [self.problem, *widgets, *page]
        )
        session.listen(go_box.change, self.on_go, [go_box, *seen], page)
        session.listen(self.go.click, self.on_generate, [*seen, *widgets], [self.problem, *page])
        words = [self.form.widgets["prompt"], self.form.widgets["negative_prompt"]]
        compat.listen(self.preset.change, self.on_preset, [self.preset], words)
        compat.listen(model.change, self.on_model, [model], widgets)
        compat.listen(model.change, self.on_words, [model], [self.words])
        self.advanced.listen()

    def on_tick(self, selection: Selection, shown: dict[str, str]) -> list[Any]:
        """Whatever changed since."""
        return self._page(self._checked(selection), shown)

    def on_upload(self, value: Any, selection: Selection, shown: dict[str, str]) -> list[Any]:
        """New templates, chosen at once; a bad one is named and the others stay."""
        selection, trouble = add_templates(self.context, value, selection)
        return [None, trouble, *self._page(self._checked(selection), shown)]

    def on_box(self, text: str, selection: Selection, shown: dict[str, str]) -> list[Any]:
        """A template, a face or a finished portrait was clicked."""
        said, out, trouble = message(text), "", ""
        try:
            selection, out = self._do(said, self._checked(selection))
        except FAILURES as error:
            trouble = problem(error, self.context.say)
        return [out, trouble, *self._page(selection, shown)]

    def _do(self, said: Mapping[str, Any], selection: Selection) -> tuple[Selection, str]:
        do, template = said.get("do"), str(said.get("template", ""))
        if do == "toggle":
            return selection.toggled(template), ""
        if do == "show":
            return selection.showing(template), ""
        if do == "remove":
            self.context.templates.remove(template)
            return selection.without(template), ""
        if do == "person":
            return selection.given(str(said.get("person", KEEP))), ""
        if do == "assign":
            face_boxes = self.context.templates.face_boxes([template]).get(template, ())
            return selection.assigned(template, int(said["face"]), str(said.get("person", KEEP)), face_boxes), ""
        out = self.gallery.act(said, selection.view)
        return replace(selection, view=selection.view.after(said)), out

    def on_job(self, text: str, selection: Selection, shown: dict[str, str]) -> list[Any]:
        """A button of a job was pressed."""
        out, trouble = "", ""
        try:
            out = apply_action(self.context, message(text))
        except FAILURES as error:
            trouble = problem(error, self.context.say)
        return [out, trouble, *self._page(selection, shown)]

    def on_settings(self, text: str, selection: Selection, shown: dict[str, str]) -> list[Any]:
        """A finished portrait's settings, template and persons are to be used again."""
        try:
            request, template = self.gallery.settings_of(message(text))
        except FAILURES as error:
            trouble = problem(error, self.context.say)
            return [trouble, *([gr.update()] * len(self.form.widgets)), *self._page(selection, shown)]
        card = self.context.templates.named(template)
        if card is not None:
            again = selection if card.id in selection.chosen else selection.toggled(card.id)
            selection = again.with_persons(card.id, request.persons).showing(card.id)
        known = request.base_model in self.context.models()
        return ["", *self.form.updates_for(request, () if known else ("base_model",)), *self._page(selection, shown)]

    def on_go(self, text: str, selection: Selection, shown: dict[str, str]) -> list[Any]:
        """Another page asks for a portrait of a person."""
        said = message(text)
        if person := str(said.get("person", "")):
            selection = selection.given(person)
            if said.get("gallery") is True:
                selection = replace(selection, view=GalleryView(person=person))
        return self._page(selection, shown)

    def on_generate(self, selection: Selection, shown: dict[str, str], *values: Any) -> list[Any]:
        """Put the portraits into the queue: one job for every different assignment."""
        try:
            self._order(selection, values)
        except FAILURES as error:
            return [problem(error, self.context.say), *self._page(selection, shown)]
        return ["", *self._page(selection, shown)]

    def _order(self, selection: Selection, values: tuple[Any, ...]) -> None:
        grid = self.context.templates
        if not self.context.models():
            raise BadRequest("form.incomplete", missing=Message("page.needs.model"))
        words_alone = not selection.chosen and self.form.request(values).from_text
        if not selection.chosen and not words_alone:
            raise BadRequest("form.incomplete", missing=Message("page.portrait.choose"))
        wanted = orders(selection, grid.face_boxes(selection.chosen))
        if words_alone and selection.person != KEEP:
            wanted = [((selection.person,), [])]
        if not wanted:
            raise BadRequest("form.incomplete", missing=Message("page.portrait.who"))
        for persons, templates in wanted:
            request = self.form.request(values, persons=persons)
            files = [grid.card(template).file for template in templates]
            self.context.jobs.submit(Kind.PORTRAIT, request, [JobFile(file, file.name) for file in files])

    def on_preset(self, name: str) -> list[Any]:
        """The preset's words."""
        names = {self.context.say(f"preset.{key}"): words for key, words in PRESETS.items()}
        return [gr.update(value=text) for text in names[name]]

    def on_words(self, name: str) -> Any:
        """Prompts are hidden with a base model that does not read them; nothing changes for one that has just gone."""
        try:
            family = self.context.studio.engine.checkpoint(name).family
        except EasyPhotoError:
            return gr.update()
        return gr.update(visible="prompt" not in self.form.without_effect(family))

    def on_model(self, name: str) -> list[Any]:
        """The new base model's defaults; nothing for one that has just gone."""
        try:
            family = self.context.studio.engine.checkpoint(name).family
        except EasyPhotoError:
            return [gr.update()] * len(self.form.widgets)
        return self.form.defaults_for(family, but=KEPT)

    # ------------------------------------------------------------ the page

    def _checked(self, selection: Selection) -> Selection:
        """Without persons and templates that have gone; the newest person unless one was chosen."""
        people = [p.id for p in self.context.people()]
        there = {card.id for card in self.context.templates.cards()}
        for template in selection.chosen:
            if template not in there:
                selection = selection.without(template)
        if selection.person not in people:
            selection = selection.given(people[0] if people else KEEP)
        return selection

    def _page(self, selection: Selection, shown: dict[str, str]) -> list[Any]:
        parts = (*self._parts(selection), self.models.note_html(), self.advanced.measured.html())
        updates, marks = changed_updates(PANEL, shown, dict(zip(PARTS, parts, strict=True)))
        choice, marks[MARK] = self.models.fresh(shown)
        return [selection, *updates, choice, marks]

    def _choice(self, cards: Sequence[TemplateTile], selection: Selection, people: Sequence[Person]) -> TemplateChoice:
        """The chosen templates, and how each one's largest face fits the person chosen."""
        photos = photos_of(people, selection.person)
        fits = {card.id: self.context.fits.of(card.file, photos) for card in cards} if photos else {}
        return TemplateChoice(
            selection, {one: max(faces, key=lambda fit: fit.face_px) for one, faces in fits.items() if faces}
        )

    def _fit_for(self, people: Sequence[Person]) -> FitFor:
        def fit_for(template: Path, face: int, person: str) -> TemplateFit | None:
            fits = self.context.fits.of(template, photos_of(people, person))
            return fits[face] if face < len(fits) else None

        return fit_for

    def _parts(self, selection: Selection) -> tuple[str, str, str, str]:
        context = self.context
        cards, people = context.templates.cards(), context.people()
        face_boxes = context.templates.face_boxes([selection.shown]) if people else {}
        jobs = context.jobs.list(Kind.PORTRAIT)
        names = {p.id: p.name for p in people}
        return (
            templates_html(cards, self._choice(cards, selection, people), context.pictures, context.say),
            faces_html(cards, selection, face_boxes, people, context.pictures, context.say, self._fit_for(people)),
            self.gallery.jobs_html(jobs, names),
            self.gallery.shots_html(jobs, names, selection.view),
        )


def photos_of(people: Sequence[Person], person: str) -> tuple[Path, ...]:
    """The photos that portraits of that person are made from; none for somebody who has gone."""
    return next(((one.reference, *one.photos) for one in people if one.id == person), ())
