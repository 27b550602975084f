"""The script the WebUI runs: imports our packages, registers the extension, and shows on the tab why it cannot start.

The WebUI runs this file under a name of its own and has our folder on sys.path only meanwhile. Our packages
are imported here, so that all their parts are found later through the packages themselves; the folder stays
off sys.path, since its `scripts` and `models` would hide the WebUI's.
"""

from __future__ import annotations

import html
import importlib
import logging
import sys
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from modules import script_callbacks

HERE = Path(__file__).resolve().parent.parent
PACKAGES = ("kohya_train", "builtin_model", "easyphoto")
OLDEST = (3, 10)


class ExtensionUnavailable(Exception):
    """Why the extension cannot start, and what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


def bring_in() -> Any:
    """Our extension module. Raises ExtensionUnavailable for an old Python, another host or a foreign package."""
    if sys.version_info < OLDEST:
        version = ".".join(str(number) for number in sys.version_info[:2])
        raise ExtensionUnavailable(
            "EasyPhoto needs Python 3.10 or later; this WebUI runs on " + version + ".", "Update it."
        )
    try:
        importlib.import_module("modules.initialize_util")
    except ImportError:
        raise ExtensionUnavailable(
            "This WebUI is not made from AUTOMATIC1111's and generates in another way; SD.Next is one of these.",
            "Use AUTOMATIC1111, Forge, Forge Neo or reForge, or EasyPhoto as a program of its own: python start.py",
        ) from None
    for package in PACKAGES:
        found = getattr(importlib.import_module(package), "__file__", None)
        if found is None or Path(found).resolve().parent.parent != HERE:
            raise ExtensionUnavailable(
                f"Another extension has a package named {package} and was loaded first: {found}.",
                "Disable it, or a second copy of EasyPhoto, on the Extensions page, and restart the WebUI.",
            )
    return importlib.import_module("easyphoto.webui.extension")


def reason_blocks(error: Exception) -> Any:
    """The reason on a tab; nothing of ours is needed for that."""
    import gradio as gr

    problem = getattr(error, "problem", f"{type(error).__name__}: {error}")
    remedy = getattr(error, "remedy", "") or "Restart the WebUI; if that does not help, its console says more."
    with gr.Blocks(analytics_enabled=False) as blocks:
        gr.HTML(
            '<div id="easyphoto" class="easyphoto"><div class="ep-notice ep-bad" role="alert">'
            f"<strong>EasyPhoto cannot start</strong><span>{html.escape(problem)}</span>"
            f"<span><em>What to do:</em> {html.escape(remedy)}</span></div></div>"
        )
    return blocks


def tabs(extension: Any) -> list[tuple[Any, str, str]]:
    """The tab, or why there is none."""
    try:
        return extension.ui_tabs()
    except Exception as error:  # the outermost edge: the WebUI must start whatever is wrong with us
        return reason_tab(error)


def routes(extension: Any, demo: Any, app: Any) -> None:
    """The routes, and what fills the tab."""
    try:
        extension.on_app_started(demo, app)
    except Exception as error:  # as above
        log(error)


def axes(ours: Any) -> None:
    """Of the X/Y/Z plot; without them everything else is there."""
    try:
        ours.add_axes()
    except Exception as error:  # as above
        log(error)


def told(error: Exception) -> Any:
    """On the console and in Blocks."""
    log(error)
    return reason_blocks(error)


def reason_tab(error: Exception) -> list[tuple[Any, str, str]]:
    """The tab with the reason on it."""
    return [(told(error), "EasyPhoto", "easyphoto")]


def log(error: Exception) -> None:
    """With a traceback where the reason alone does not tell."""
    logging.getLogger("easyphoto").error("EasyPhoto cannot start: %s", error, exc_info=not hasattr(error, "remedy"))


def register(ours: Any) -> None:
    """What the host calls of ours."""
    extension = ours.Extension(told)
    script_callbacks.on_ui_tabs(partial(tabs, extension))
    script_callbacks.on_app_started(partial(routes, extension))
    script_callbacks.on_before_ui(partial(axes, ours))


try:
    OURS = bring_in()
    OURS.settings.add()
    ExtrasStep = OURS.extras_step()
    FacesScript = OURS.faces_script()  # the host looks through the names of this module for classes of scripts
except Exception as error:  # as above
    script_callbacks.on_ui_tabs(partial(reason_tab, error))
else:
    # In a thread, whose call stack is short: for each of these calls the host looks for every file of the stack among
    # all the modules of the process, which takes longer than all else here.
    registering = Thread(target=register, args=(OURS,))
    registering.start()
    registering.join()
