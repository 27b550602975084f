"""What the WebUI asks of an extension: a tab, settings, routes on its application, an always-on script."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from easyphoto.errors import EasyPhotoError
from easyphoto.webui import settings
from easyphoto.webui.host_application import HostApplication, host_application
from easyphoto.webui.late_panels import PageRequests, PanelPlace

if TYPE_CHECKING:
    from easyphoto.diagnostics import Finding
    from easyphoto.webui.runtime import AppState

TITLE, TAB = "EasyPhoto", "easyphoto"
PREFIX = "/easyphoto"

Reason = Callable[[Exception], Any]
"""Says on the console why there is nothing to show, and makes Blocks that say so."""

_log = logging.getLogger(__name__)


class Extension:
    """Between two "Reload UI" of the host."""

    def __init__(self, reason: Reason) -> None:
        self._reason = reason
        self._place: PanelPlace | None = None

    def ui_tabs(self) -> list[tuple[Any, str, str]]:
        """An empty tab, which `on_app_started` sees to."""
        host_application().guard.block_until_started()
        self._place = PanelPlace.empty()
        return [(self._place.column, TITLE, TAB)]

    def on_app_started(self, demo: Any, app: Any) -> None:
        """Our routes, once on every application; `demo` is None under --nowebui.

        They are there without --api as well: the page fetches a person's zip from them. They ask for the same login.
        """
        if any(getattr(route, "path", "") == PREFIX for route in app.routes):
            return
        ours = host_application()
        ours.guard.protect(app)
        ours.running.app = app
        app.mount(PREFIX, LazyApi(ours, app))
        if demo is not None and self._place is not None:
            first = partial(self._show, self._place, demo)
            app.router.routes.insert(0, PageRequests(first, partial(_refresh, demo)))

    def _show(self, place: PanelPlace, demo: Any) -> None:
        """The panels, or why there are none."""
        try:
            panels = page()
        except Exception as error:  # the WebUI's page has to appear whatever is wrong with us
            panels = self._reason(error)
        _refresh(demo)
        place.fill(demo, panels)


def _refresh(demo: Any) -> None:
    """Persons in the script's fields and in the host's LoRA browser, as they are now."""
    from easyphoto.webui.face_script.fields import refresh_persons
    from easyphoto.webui.lora_cards import update_soon
    from easyphoto.webui.runtime import app_state

    try:
        refresh_persons(demo)
        update_soon(app_state().studio, settings.read().cards)
    except EasyPhotoError as error:  # the tab says why
        _log.warning("%s", error)


def page() -> Any:
    """The same panels as in the program of its own, in the language of the WebUI. Raises EasyPhotoError."""
    from easyphoto.ui.context import UiContext
    from easyphoto.ui.i18n import Translator
    from easyphoto.ui.tab import build
    from easyphoto.webui.runtime import app_state

    state = app_state()
    context = UiContext(
        state.studio,
        state.queue,
        Translator(settings.language()),
        partial(examine, state),
        state.pictures,
        api=PREFIX.lstrip("/"),  # beside the page, which may be below a --subpath
        ticket=state.application.tickets.query,
    )
    return build(context)


def faces_script() -> type:
    """The always-on script, as a class that the host makes one of for txt2img and one for img2img."""
    from easyphoto.webui.face_script.script import script_class

    return script_class()


def extras_step() -> type:
    """The step of Extras, as a class that the host makes one of."""
    from easyphoto.webui.face_script.extras import step_class

    return step_class()


def add_axes() -> None:
    """Axes of the host's X/Y/Z plot."""
    from easyphoto.webui.face_script import axes

    axes.add_axes()


class LazyApi:
    """The HTTP API behind the host's own login, made by the first request: the host's start has no time for it."""

    def __init__(self, ours: HostApplication, app: Any) -> None:
        self._ours, self._app = ours, app

    @cached_property
    def _made(self) -> Any:
        from easyphoto.api import build_api
        from easyphoto.webui.access import access_of_host
        from easyphoto.webui.runtime import app_state

        state = app_state()
        return build_api(
            state.studio, state.queue, access_of_host(self._app, self._ours.tickets), partial(examine, state)
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request; 503 where there is no studio."""
        try:
            answer = self._made
        except EasyPhotoError as error:
            from starlette.responses import JSONResponse

            answer = JSONResponse({"code": error.code}, 503)  # nobody was asked for a login: no paths
        http = scope["type"] == "http"
        await answer(self._ours.tickets.marked(scope, PREFIX) if http else scope, receive, send)


def examine(state: AppState) -> list[Finding]:
    """The findings of `easyphoto.webui.diagnostics`, imported when they are first asked for."""
    from easyphoto.webui import diagnostics

    return diagnostics.examine(state)
