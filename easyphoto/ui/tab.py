"""The whole page with its panels, the same in the WebUI and on its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from easyphoto.locales import LANGUAGES
from easyphoto.paths import checkout
from easyphoto.ui import compat
from easyphoto.ui.compat import PageAssets
from easyphoto.ui.context import UiContext
from easyphoto.ui.doctor_panel import DoctorPanel
from easyphoto.ui.i18n import Translator
from easyphoto.ui.models_panel import ModelsPanel
from easyphoto.ui.people_panel import PeoplePanel
from easyphoto.ui.portrait_panel import PortraitPanel
from easyphoto.ui.quick_panel import QuickPanel
from easyphoto.ui.rendering import render
from easyphoto.ui.status_strip import StatusStrip
from easyphoto.ui.train_panel import TrainPanel

TITLE = "EasyPhoto"
LOCALES = {"en": "en", "zh": "zh-CN"}


def build(context: UiContext, look: PageAssets | None = None) -> Any:
    """The Blocks of the page. The WebUI loads style and script itself, so `look` is for a page of our own."""
    with compat.page(TITLE, look) as blocks, gr.Column(elem_id="easyphoto", elem_classes=["easyphoto"]):
        if look:
            gr.HTML(banner(context.say))
        gr.HTML(render("lightbox", say=context.say) + needs(context.say), elem_id="ep-lightbox-place")
        go_box = compat.hidden_box("ep-go-box")
        StatusStrip(context).build()
        with gr.Tabs(elem_id="ep-tabs"):
            quick, portrait = QuickPanel(context), PortraitPanel(context)
            pages: dict[str, Callable[[], None]] = {
                "quick": quick.build,
                "train": lambda: TrainPanel(context).build(go_box, quick.draft),
                "portrait": lambda: portrait.build(go_box),
                "people": PeoplePanel(context).build,
                "models": ModelsPanel(context).build,
                "doctor": DoctorPanel(context).build,
            }
            for name, build_page in pages.items():
                with gr.Tab(context.say(f"tab.{name}"), id=f"ep-{name}", elem_id=f"ep-tab-{name}"):
                    build_page()
    return blocks


def banner(say: Translator) -> str:
    """Name, promise and the choice of language."""
    return render("banner", say=say, locale=LOCALES[say.language], languages=LANGUAGES)


def needs(say: Translator) -> str:
    """What a main button may be waiting for; our script looks whether it is there and says what is missing."""
    keys = {
        "photos": "train.needs.photos",
        "consent": "train.needs.consent",
        "name": "train.needs.name",
        "templates": "portrait.choose",
        "person": "portrait.who",
        "model": "needs.model",
    }
    return render("needs", needs={name: say(key) for name, key in keys.items()})


def own_assets() -> PageAssets:
    """What a WebUI loads from beside the package (inside it in a wheel), and the style of a page of its own."""
    page = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    return PageAssets(_text("style.css") + page, _text("javascript/easyphoto.js"))


def _text(name: str) -> str:
    inside = Path(__file__).resolve().parent.parent / "_web" / name
    file = checkout() / name if (checkout() / name).is_file() else inside
    return file.read_text(encoding="utf-8")
