"""What a user of the WebUI can set on its Settings page, read anew at every look."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

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
    )


def language() -> str:
    """Of the tab: en or zh."""
    from modules import shared

    wished = read().language
    host: str = str(shared.opts.data.get("localization", "")).lower()
    return wished if wished != "auto" else "zh" if host.startswith(("zh", "chinese")) else "en"


def add() -> None:
    """The section on the Settings page; before the host builds that."""
    import gradio as gr
    from modules import shared, shared_items

    def vaes() -> dict[str, Any]:
        return {"choices": ["", *shared_items.sd_vae_items()]}

    made = shared.OptionInfo("auto", "Language of the tab", gr.Radio, {"choices": list(LANGUAGES)}, section=SECTION)
    shared.opts.add_option("easyphoto_language", made.needs_reload_ui())
    if len(TOOLBOXES) > 1:  # with one there is nothing to choose
        made = shared.OptionInfo(BUILTIN, "Face toolbox", section=SECTION)
        made.info(f"{', '.join(TOOLBOXES)}; or role by role, as detect={BUILTIN}").needs_restart()
        shared.opts.add_option("easyphoto_faces", made)
    made = shared.OptionInfo("", "VAE for portraits", gr.Dropdown, vaes, section=SECTION)
    made.refresh = shared_items.refresh_vae_list
    shared.opts.add_option("easyphoto_vae", made.info("empty: as the WebUI is set"))
    made = shared.OptionInfo("", "Further host names that /easyphoto answers to", section=SECTION)
    made.info("for a proxy under a name of its own, like studio.example; separated by commas").needs_reload_ui()
    shared.opts.add_option("easyphoto_hosts", made)
