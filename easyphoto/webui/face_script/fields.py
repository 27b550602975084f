"""The script's fields below txt2img and img2img, built at the WebUI's start: what they do is imported later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any

from easyphoto.errors import EasyPhotoError
from easyphoto.locales import text
from easyphoto.strength import Strength
from easyphoto.ui import compat
from easyphoto.webui import settings
from easyphoto.webui.face_script.choices import FACES_ON_PAGE, KEY, MOST_PHOTOS, TITLE, FaceOrder, label

NAME = "easyphoto-faces"
"""What the DOM ids of all fields begin with."""


def build(script: Any, is_img2img: bool) -> list[Any]:
    """The fields in the order in which `read_arguments` takes them."""
    import gradio as gr

    language = settings.language()
    name = f"{NAME}-{'img2img' if is_img2img else 'txt2img'}"
    with gr.Accordion(TITLE, open=False, elem_id=name):
        enabled, *people = _persons(language, name)
        strength, order = _choices(language, name)
        shown = text("script.denoising", language)
        denoising = gr.Slider(0, 1, value=0, step=0.01, label=shown, elem_id=f"{name}-denoising")
        uploads, consent, *widgets = _photos(language, name)
    made = [enabled, strength, order, denoising, uploads, consent, *people]
    _forget((*made, *widgets))
    _paste(script, language, enabled, {"strength": strength, "order": order, "denoising": denoising}, people)
    return made


def build_extras() -> dict[str, Any]:
    """The fields of the step in Extras, by the names under which its `process` gets them."""
    import gradio as gr

    language = settings.language()
    name = f"{NAME}-extras"
    with gr.Accordion(TITLE, open=False, elem_id=name):
        enabled, *people = _persons(language, name)
        strength, order = _choices(language, name)
    made = {"enabled": enabled, "strength": strength, "order": order}
    made |= {f"person_{number}": field for number, field in enumerate(people, 1)}
    _forget(made.values())
    return made


def _forget(components: Iterable[Any]) -> None:
    """Choices and uploads of one day mean nothing on the next: the host does not remember them."""
    for component in components:
        component.do_not_save_to_config = True


def _persons(language: str, name: str) -> list[Any]:
    """Whether the script is enabled, and a person for each face."""
    import gradio as gr

    enabled = gr.Checkbox(False, label=text("script.enabled", language), elem_id=f"{name}-enabled")
    with gr.Row():
        people = [_person(language, name, number) for number in range(FACES_ON_PAGE)]
        _refresh(people, name)
    return [enabled, *people]


def _choices(language: str, name: str) -> tuple[Any, Any]:
    import gradio as gr

    with gr.Row():
        return _choice(language, "strength", Strength.NATURAL, name), _choice(language, "order", FaceOrder.LEFT, name)


def _photos(language: str, name: str) -> list[Any]:
    """Ids of uploads, consent, and what fills them."""
    import gradio as gr

    with gr.Accordion(text("script.photos", language), open=False):
        photos = compat.upload_field(text("script.photos.label", language, most=MOST_PHOTOS), f"{name}-photos")
        told = gr.Markdown("")
        uploads = gr.Textbox("", visible=False, elem_id=f"{name}-uploads")
        consent = gr.Checkbox(False, label=text("script.consent", language), elem_id=f"{name}-consent")
        photos.upload(lambda value: _taken(language, value), [photos], [uploads, told, photos])
        clear = gr.Button(text("script.photos.clear", language))
        clear.click(lambda: ("", ""), [], [uploads, told])
    return [uploads, consent, photos, clear]


def _person(language: str, name: str, number: int) -> Any:
    """With nobody to choose: `refresh_persons` comes when the page is asked for."""
    import gradio as gr

    shown = text("script.person", language, number=number + 1)
    return gr.Dropdown([""], value="", label=shown, elem_id=f"{name}-person-{number + 1}")


def _choice(language: str, what: str, value: Enum, name: str) -> Any:
    import gradio as gr

    choices = [label(one, language) for one in type(value)]
    shown = label(value, language)
    return gr.Dropdown(choices, value=shown, label=text(f"script.{what}", language), elem_id=f"{name}-{what}")


def refresh_persons(demo: Any) -> None:
    """Have the fields in the host's page offer whoever is in the library now. Raises EasyPhotoError."""
    components = [one for one in demo.blocks.values() if str(one.elem_id).startswith(f"{NAME}-")]
    people = [one for one in components if "-person-" in one.elem_id]
    offered = compat.as_choices(names())
    if people and list(people[0].choices) != offered:
        for field in people:
            field.choices = list(offered)
        demo.config = demo.get_config_file()


def names() -> list[str]:
    """Nobody, and everybody in the library by name; by id where two have one name. Raises EasyPhotoError."""
    from easyphoto.webui.face_script.faces import shown_names
    from easyphoto.webui.runtime import app_state

    return ["", *shown_names(app_state().studio.library.list()).values()]


def _refresh(people: list[Any], name: str) -> None:
    """The host's own small button that reads the list again."""
    from modules import ui_common

    ui_common.create_refresh_button(people, lambda: None, _offered, f"{name}-refresh")


def _offered() -> dict[str, list[str]]:
    try:
        return {"choices": names()}
    except EasyPhotoError:  # the tab says why
        return {"choices": [""]}


def _taken(language: str, value: Any) -> tuple[str, str, None]:
    """Ids of what was brought, what is said of it, and nothing left in the field: a WebUI shows gradio's files."""
    from easyphoto.ui.uploads import BrowserUploads
    from easyphoto.webui.runtime import app_state

    try:
        files, _ = BrowserUploads(app_state().studio.paths.uploads).take_pictures(value)
    except EasyPhotoError as error:
        return "", " ".join(one.text(language) for one in error.messages()), None
    files = files[:MOST_PHOTOS]
    return " ".join(one.id for one in files), ", ".join(one.name for one in files), None


def _paste(script: Any, language: str, enabled: Any, choices: Mapping[str, Any], people: list[Any]) -> None:
    """Which field takes what of a pasted text."""
    kinds: Mapping[str, Iterable[Enum]] = {"strength": Strength, "order": FaceOrder}

    def choice(what: str) -> Callable[[Mapping[str, Any]], str | None]:
        def found(pasted: Mapping[str, Any]) -> str | None:
            known = {one.value: label(one, language) for one in kinds[what]}
            return known.get(str(pasted.get(f"{KEY} {what}")))

        return found

    def person(number: int) -> Callable[[Mapping[str, Any]], str]:
        def found(pasted: Mapping[str, Any]) -> str:
            from easyphoto.webui.face_script.pictures import host_studio, pasted_persons

            people = pasted_persons(pasted, host_studio())
            return people[number] if number < len(people) else ""

        return found

    script.infotext_fields = [
        (enabled, lambda pasted: f"{KEY} strength" in pasted),
        (choices["denoising"], lambda pasted: float(pasted.get(f"{KEY} denoising", 0))),
        *((choices[what], choice(what)) for what in kinds),
        *((field, person(number)) for number, field in enumerate(people)),
    ]
    script.paste_field_names = [f"{KEY} {name}" for name in ("strength", "order", "denoising", "persons")]
