"""The script's fields below txt2img and img2img."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any

from easyphoto.errors import EasyPhotoError
from easyphoto.ui import compat
from easyphoto.ui.i18n import Translator
from easyphoto.ui.uploads import BrowserUploads
from easyphoto.webui import settings
from easyphoto.webui.face_script.arguments import FACES_ON_PAGE, KEY, MOST_PHOTOS, TITLE, FaceOrder, Strength, label
from easyphoto.webui.face_script.faces import shown_names


def build(script: Any, is_img2img: bool) -> list[Any]:
    """Enabled, strength, order, ids of uploads, consent, and a person for each face, as `read_arguments` takes them."""
    import gradio as gr

    say = Translator(settings.language())
    name = f"easyphoto-faces-{'img2img' if is_img2img else 'txt2img'}"
    with gr.Accordion(TITLE, open=False, elem_id=name):
        enabled = gr.Checkbox(False, label=say.text("script.enabled"), elem_id=f"{name}-enabled")
        with gr.Row():
            people = [_person(say, name, number) for number in range(FACES_ON_PAGE)]
            _refresh(people, name)
        with gr.Row():
            strength = _choice(say, "strength", Strength.NATURAL, name)
            order = _choice(say, "order", FaceOrder.LEFT, name)
        with gr.Accordion(say.text("script.photos"), open=False):
            photos = compat.upload_field(say.text("script.photos.label", most=MOST_PHOTOS), f"{name}-photos")
            told = gr.Markdown("")
            uploads = gr.Textbox("", visible=False, elem_id=f"{name}-uploads")
            consent = gr.Checkbox(False, label=say.text("script.consent"), elem_id=f"{name}-consent")
            photos.upload(lambda value: _taken(say, value), [photos], [uploads, told, photos])
            clear = gr.Button(say.text("script.photos.clear"))
            clear.click(lambda: ("", ""), [], [uploads, told])
    made = [enabled, strength, order, uploads, consent, *people]
    for component in (*made, photos, clear):  # choices and uploads of one day mean nothing on the next
        component.do_not_save_to_config = True
    _paste(script, say, enabled, {"strength": strength, "order": order}, people)
    return made


def _person(say: Translator, name: str, number: int) -> Any:
    import gradio as gr

    shown = say.text("script.person", number=number + 1)
    return gr.Dropdown(names(), value="", label=shown, elem_id=f"{name}-person-{number + 1}")


def _choice(say: Translator, what: str, value: Enum, name: str) -> Any:
    import gradio as gr

    choices = [label(one, say.language) for one in type(value)]
    shown = label(value, say.language)
    return gr.Dropdown(choices, value=shown, label=say.text(f"script.{what}"), elem_id=f"{name}-{what}")


def names() -> list[str]:
    """Nobody, and everybody in the library by name; by id where two have one name."""
    from easyphoto.webui.runtime import app_state

    try:
        people = app_state().studio.library.list()
    except EasyPhotoError:  # the tab says why
        people = ()
    return ["", *shown_names(people).values()]


def _refresh(people: list[Any], name: str) -> None:
    """The host's own small button that reads the list again."""
    from modules import ui_common

    ui_common.create_refresh_button(people, lambda: None, lambda: {"choices": names()}, f"{name}-refresh")


def _taken(say: Translator, value: Any) -> tuple[str, str, None]:
    """Ids of what was brought, what is said of it, and nothing left in the field: a WebUI shows gradio's files."""
    from easyphoto.webui.runtime import app_state

    try:
        files, _ = BrowserUploads(app_state().studio.paths.uploads).take_pictures(value)
    except EasyPhotoError as error:
        return "", " ".join(one.text(say.language) for one in error.messages()), None
    files = files[:MOST_PHOTOS]
    return " ".join(one.id for one in files), ", ".join(one.name for one in files), None


def _paste(script: Any, say: Translator, enabled: Any, choices: Mapping[str, Any], people: list[Any]) -> None:
    """Which field takes what of a pasted text."""
    kinds: Mapping[str, Iterable[Enum]] = {"strength": Strength, "order": FaceOrder}

    def choice(what: str) -> Callable[[Mapping[str, Any]], str | None]:
        def found(text: Mapping[str, Any]) -> str | None:
            known = {one.value: label(one, say.language) for one in kinds[what]}
            return known.get(str(text.get(f"{KEY} {what}")))

        return found

    def person(number: int) -> Callable[[Mapping[str, Any]], str]:
        def found(text: Mapping[str, Any]) -> str:
            from easyphoto.webui.face_script.pictures import host_studio, pasted

            people = pasted(text, host_studio())
            return people[number] if number < len(people) else ""

        return found

    script.infotext_fields = [
        (enabled, lambda text: f"{KEY} strength" in text),
        *((field, choice(what)) for what, field in choices.items()),
        *((field, person(number)) for number, field in enumerate(people)),
    ]
    script.paste_field_names = [f"{KEY} {name}" for name in ("strength", "order", "persons")]
