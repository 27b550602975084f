"""What the WebUI asks of an extension: a tab, settings, routes on its application, an always-on script."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from easyphoto.webui import settings

if TYPE_CHECKING:
    from easyphoto.diagnostics import Finding
    from easyphoto.webui.runtime import AppState

TITLE, TAB = "EasyPhoto", "easyphoto"
PREFIX = "/easyphoto"


def ui_tabs() -> list[tuple[Any, str, str]]:
    """Our page as the host wants it. Raises EasyPhotoError where nothing can be shown."""
    return [(page(), TITLE, TAB)]


def page() -> Any:
    """The same panels as in the program of its own, in the language of the WebUI."""
    from easyphoto.ui.context import UiContext
    from easyphoto.ui.i18n import Translator
    from easyphoto.ui.tab import build
    from easyphoto.webui.runtime import app_state

    state = app_state()
    state.guard.block_until_started()
    context = UiContext(
        state.studio,
        state.queue,
        Translator(settings.language()),
        partial(examine, state),
        state.pictures,
        api=PREFIX.lstrip("/"),  # beside the page, which may be below a --subpath
        ticket=state.tickets.query,
    )
    blocks = build(context)
    for block in blocks.blocks.values():  # defaults follow the base model: an old one must not come back by itself
        block.do_not_save_to_config = True
    return blocks


def on_app_started(demo: Any, app: Any) -> None:
    """Our routes, once on every application; `demo` is None under --nowebui.

    They are there without --api as well: the page fetches a person's zip from them, and they ask for the same login.
    """
    if any(getattr(route, "path", "") == PREFIX for route in app.routes):
        return
    from easyphoto.webui.runtime import app_state

    state = app_state()
    state.guard.protect(app)
    state.running.app = app
    app.mount(PREFIX, LazyApi(state, app))


def faces_script() -> type:
    """The always-on script, as a class that the host makes one of for txt2img and one for img2img."""
    from easyphoto.webui.face_script.script import script_class

    return script_class()


def add_axes() -> None:
    """Axes of the host's X/Y/Z plot."""
    from easyphoto.webui.face_script import axes

    axes.add_axes()


class LazyApi:
    """The HTTP API behind the host's own login, made by the first request: the host's start has no time for it."""

    def __init__(self, state: AppState, app: Any) -> None:
        self._state, self._app = state, app

    @cached_property
    def _made(self) -> Any:
        from easyphoto.api import build_api
        from easyphoto.webui.access import access_of_host

        state = self._state
        return build_api(state.studio, state.queue, access_of_host(self._app, state.tickets), partial(examine, state))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        http = scope["type"] == "http"
        await self._made(self._state.tickets.marked(scope, PREFIX) if http else scope, receive, send)


def examine(state: AppState) -> list[Finding]:
    """The findings of `easyphoto.webui.diagnostics`, imported when they are first asked for."""
    from easyphoto.webui import diagnostics

    return diagnostics.examine(state)
