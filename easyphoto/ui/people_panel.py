"""The page of the people who are trained: look, rename, export, import, delete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import gradio as gr
from markupsafe import Markup

from easyphoto.deletion import delete_person
from easyphoto.domain import Person
from easyphoto.errors import AlreadyThere, BadRequest, EasyPhotoError
from easyphoto.faces.likeness import level_of
from easyphoto.jobs import Kind
from easyphoto.library.report import read_report
from easyphoto.library.uploads import StoredUpload
from easyphoto.system_errors import FAILURES
from easyphoto.ui import compat, people_view
from easyphoto.ui.components import bytes_in_words, head, notice, problem
from easyphoto.ui.context import UiContext, changed_updates, download_payload, message, read
from easyphoto.ui.panel_session import PanelSession
from easyphoto.ui.people_view import Opened, PersonCard, import_name_html, people_html, report_html
from easyphoto.ui.train_view import curves_of, facts_html, pair_html

PANEL, PARTS = "people", ("people",)


class PeoplePanel:
    """Widgets and what happens when they are used; the work is the library's."""

    def __init__(self, context: UiContext) -> None:
        self.context = context

    def build(self) -> None:
        """Make the widgets inside the current tab."""
        say = self.context.say
        self.session = PanelSession(PANEL, PARTS, opened=Opened())
        self.box = compat.hidden_box(people_view.BOX)
        self.out = gr.HTML("", elem_id="ep-people-out", elem_classes=["ep-hidden"])
        with gr.Column(elem_classes=["ep-card"]):
            gr.HTML(head(say("tab.people")))
            self.told = gr.HTML("", elem_id="ep-people-told")
            self.people = gr.HTML("", elem_id="ep-people-list")
            self.upload = compat.upload_field(say("people.import"), "ep-people-upload", pictures=False)
        self._listen()

    def _listen(self) -> None:
        session = self.session
        seen = [session["opened"], session["shown"]]
        page = [session["opened"], self.people, session["shown"]]
        session.poll(self.on_tick, seen, page)
        session.listen(self.box.change, self.on_box, [self.box, *seen], [self.out, self.told, *page])
        session.listen(self.upload.upload, self.on_import, [self.upload, *seen], [self.upload, self.told, *page])

    def on_tick(self, opened: Opened, shown: dict[str, str]) -> list[Any]:
        """Whatever changed since."""
        return self._page(opened, shown)

    def on_import(self, value: Any, opened: Opened, shown: dict[str, str]) -> list[Any]:
        """A person out of a zip."""
        try:
            told = "".join(self._imported(brought) for brought in self.context.uploads.take(value))
        except FAILURES as error:
            told = problem(error, self.context.say)
        return [None, told, *self._page(opened, shown)]

    def _imported(self, brought: StoredUpload, name: str = "") -> str:
        """What came of a zip, under its own name or another; where the name is taken the zip waits for one."""
        try:
            person = self.context.studio.library.import_(brought.file, name)
        except AlreadyThere as error:
            return import_name_html(error, brought, self.context.say)
        except FAILURES as error:
            self.context.uploads.drop(brought.file)
            return problem(error, self.context.say, brought.name)
        self.context.uploads.drop(brought.file)
        return notice(self.context.say("people.imported", name=person.name), "", "good")

    def _import_again(self, said: Mapping[str, Any]) -> str:
        """The zip that waits, under the name typed; or it is forgotten."""
        brought = self.context.uploads.open(str(said.get("upload")))
        if said.get("do") == "import-as":
            return self._imported(brought, str(said.get("text", "")).strip())
        self.context.uploads.drop(brought.file)
        return ""

    def on_box(self, text: str, opened: Opened, shown: dict[str, str]) -> list[Any]:
        """A button of a card was pressed."""
        said = message(text)
        out, told = "", ""
        try:
            if said.get("do") in ("import-as", "import-drop"):
                return ["", self._import_again(said), *self._page(opened, shown)]
            person = self.context.studio.library.open(str(said.get("person")))
            if said.get("do") == "report":
                out = self._report(person)
            else:
                opened, told = self._do(said, person)
        except FAILURES as error:
            told = problem(error, self.context.say)
        return [out, told, *self._page(opened, shown)]

    def _do(self, said: Mapping[str, Any], person: Person) -> tuple[Opened, str]:
        """Which form is open afterwards, and what to say."""
        do, typed = str(said.get("do")), str(said.get("text", "")).strip()
        if do.startswith("open-"):
            return Opened(person.id, do.removeprefix("open-")), ""
        if do == "rename":
            renamed = self.context.studio.library.rename(person.id, typed)
            return Opened(), notice(self.context.say("people.renamed", name=renamed.name), "", "good")
        if do == "delete":
            return Opened(), self._delete(person, typed)
        return Opened(), ""

    def _delete(self, person: Person, typed: str) -> str:
        if typed != person.name:
            raise BadRequest("person.name-mismatch", stage="delete")
        removed = delete_person(person.id, self.context.studio)
        size = bytes_in_words(removed.bytes)
        text = self.context.say("people.deleted", name=person.name, files=removed.files, size=size,
                             portraits=removed.portraits, jobs=removed.jobs)  # fmt: skip
        left = self.context.say("people.left", files=", ".join(map(str, removed.left))) if removed.left else ""
        return notice(text, left, "fair" if left else "good")

    def _report(self, person: Person) -> str:
        """The report's file as a delivery."""
        if person.report is None:
            raise BadRequest("person.no-report", stage="report")
        return download_payload(f"{person.id}-{person.report.name}", read(person.report), "application/json")

    # ------------------------------------------------------------ the page

    def _page(self, opened: Opened, shown: dict[str, str]) -> list[Any]:
        portraits = self._portraits()
        cards = [self._card(person, opened, portraits[person.id]) for person in self.context.people()]
        html = people_html(cards, opened, self.context.pictures, self.context.say)
        updates, marks = changed_updates(PANEL, shown, {"people": html})
        return [opened, *updates, marks]

    def _portraits(self) -> Counter[str]:
        """Number of finished portraits by person."""
        made = [one for job in self.context.jobs.list(Kind.PORTRAIT) for one in (job.result or {}).get("portraits", ())]
        return Counter(person for one in made for person in {score["person"] for score in one.get("likeness", ())})

    def _card(self, person: Person, opened: Opened, portraits: int) -> PersonCard:
        distance, recognizer = person.lora.distance if person.lora else None, self.context.studio.faces.recognizer
        measured_here = person.recognizer == recognizer.name  # another recognizer's distances say nothing to this one
        level = level_of(distance, recognizer) if distance is not None and measured_here else None
        report = self._report_html(person) if opened == Opened(person.id, "report") else None
        place = f"/v1/persons/{quote(person.id, safe='')}/export"
        export = f"{self.context.api}{place}{self.context.ticket(place)}"
        size = self.context.studio.library.size(person.id)
        return PersonCard(person, size, level, export, report, portraits)

    def _report_html(self, person: Person) -> Markup:
        """The training report in the page; it may come from somebody else's zip, so whatever is wrong in it is told."""
        context = self.context
        try:
            facts = read_report(person.report) if person.report else {}
            body = curves_of(facts, context.say) + facts_html(facts, person.base_model, context.say)
        except (EasyPhotoError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
            body = notice(context.say("people.report.bad"), "", "bad")
        return report_html(person, pair_html(person, context.pictures, context.say) + body, context.say)
