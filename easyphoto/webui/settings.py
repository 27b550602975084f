"""What a user of the WebUI can set on its Settings page, read anew at every look."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from easyphoto.locales import text
from easyphoto.providers import BUILTIN, TOOLBOXES

SECTION = ("easyphoto", "EasyPhoto")
LANGUAGES = ("auto", "en", "zh")


@dataclass(frozen=True)
class Settings:
    """Only what really acts; everything else is on the tab itself."""

    language: str = "auto"  # of our tab; auto: the one the WebUI is shown in
    faces: str = BUILTIN  # the face toolbox, as `easyphoto.providers` reads it
    vae: str = ""  # for portraits; empty: the one the WebUI is set to
    hosts: frozenset[str] = frozenset()  # further host names our routes answer to
    cards: bool = False  # persons have names and pictures in the WebUI's LoRA browser
    beside: bool = False  # a training runs beside the WebUI's own pictures where memory allows


def read() -> Settings:
    """As they stand now."""
    from modules import shared

    data = shared.opts.data
    language = str(data.get("easyphoto_language", "auto"))
    names = re.split(r"[\s,;]+", str(data.get("easyphoto_hosts", "")).lower())
    return Settings(
        language if language in LANGUAGES else "auto",
        str(data.get("easyphoto_faces") or BUILTIN),
        str(data.get("easyphoto_vae") or ""),
        frozenset(filter(None, names)),
        data.get("easyphoto_lora_cards") is True,
        data.get("easyphoto_train_beside") is True,
    )


def language() -> str:
    """Of the tab: en or zh."""
    from modules import shared

    wished = read().language
    host: str = str(shared.opts.data.get("localization", "")).lower()
    return wished if wished != "auto" else "zh" if host.startswith(("zh", "chinese")) else "en"


def add() -> None:
    """The section on the Settings page, in the language of the tab; before the host builds that page."""
    import gradio as gr
    from modules import shared, shared_items

    def vaes() -> dict[str, Any]:
        return {"choices": ["", *shared_items.sd_vae_items()]}

    spoken = language()

    def say(key: str, **values: Any) -> str:
        return text(key, spoken, **values)

    choices = {"choices": list(LANGUAGES)}
    made = shared.OptionInfo("auto", say("settings.language"), gr.Radio, choices, section=SECTION)
    shared.opts.add_option("easyphoto_language", made.needs_reload_ui())
    if len(TOOLBOXES) > 1:  # with one there is nothing to choose
        made = shared.OptionInfo(BUILTIN, say("settings.faces"), section=SECTION)
        made.info(say("settings.faces.help", names=list(TOOLBOXES), example=BUILTIN)).needs_restart()
        shared.opts.add_option("easyphoto_faces", made)
    made = shared.OptionInfo("", say("settings.vae"), gr.Dropdown, vaes, section=SECTION)
    made.refresh = shared_items.refresh_vae_list
    shared.opts.add_option("easyphoto_vae", made.info(say("settings.vae.help")))
    made = shared.OptionInfo("", say("settings.hosts"), section=SECTION)
    made.info(say("settings.hosts.help")).needs_reload_ui()
    shared.opts.add_option("easyphoto_hosts", made)
    made = shared.OptionInfo(False, say("settings.beside"), section=SECTION)
    shared.opts.add_option("easyphoto_train_beside", made.info(say("settings.beside.help")))
    made = shared.OptionInfo(False, say("settings.cards"), section=SECTION)
    shared.opts.add_option("easyphoto_lora_cards", made.info(say("settings.cards.help")))
