"""The program as a server of its own: the HTTP API and the page in every language, behind one check of access."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from easyphoto.api import Access, build_api
from easyphoto.api.access import LOOPBACK, address_reached
from easyphoto.api.errors import status_of
from easyphoto.api.middleware import OWN_FRAMES
from easyphoto.api.upload_leftovers import UploadLeftovers
from easyphoto.diagnostics import diagnose
from easyphoto.errors import Busy, EasyPhotoError, MissingPackage
from easyphoto.jobs import JobQueue

if TYPE_CHECKING:
    from easyphoto.studio import Studio

log = logging.getLogger(__name__)

API_ROOT = "/easyphoto"
LANGUAGE_COOKIE, TOKEN_COOKIE = "easyphoto_language", "easyphoto_token"
YEAR = 365 * 86_400  # seconds
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="6" fill="#0f766e"/>'
    '<g fill="none" stroke="#fff" stroke-width="1.8"><circle cx="12" cy="9.5" r="3.2"/><path d="M5.5 19c1-4 3.5-5.5 '
    '6.5-5.5s5.5 1.5 6.5 5.5"/></g></svg>'
)


@dataclass(frozen=True)
class Address:
    """Where the server listens. Anything but this machine alone needs a token."""

    host: str = "127.0.0.1"
    port: int = 7861
    token: str = ""

    @property
    def access(self) -> Access:
        """Who may call. Raises BadRequest without a token where one is needed."""
        return Access.local(self.token) if self.host in LOOPBACK else Access.network(self.token)

    @property
    def url(self) -> str:
        """For a browser on this machine; with the token, which the first visit turns into a cookie."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(self.host, self.host)
        return f"http://{host}:{self.port}/" + (f"?token={self.token}" if self.token else "")


def serve(studio: Studio, address: Address, ready: Callable[[str], None]) -> None:
    """Run until stopped; `ready` is told the address once the page answers. Raises Busy, BadRequest, MissingPackage."""
    import uvicorn

    from easyphoto.api.connections import BACKLOG, LimitedProtocol, quiet_accept_log

    limits: dict[str, Any] = {"http": LimitedProtocol, "backlog": BACKLOG, "ws_max_size": 2**26}
    with listening(address) as place:
        queue = JobQueue(studio.paths, studio)
        try:
            app = build_app(studio, queue, replace(address, port=place.getsockname()[1]), ready)
            config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2, **limits)
            with quiet_accept_log():
                uvicorn.Server(config).run(sockets=[place])
        finally:
            queue.close()


def listening(address: Address) -> socket.socket:
    """An open socket; port 0 takes a free one. Raises Busy when the port is taken."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=128)
    except OSError as error:
        raise Busy("server.port-taken", stage="start", port=address.port, why=error.strerror) from error


def build_app(studio: Studio, queue: JobQueue, address: Address, ready: Callable[[str], None]) -> ASGIApp:
    """API and pages behind the check of access."""
    try:
        import fastapi
        import gradio  # noqa: F401
    except ImportError as error:
        raise MissingPackage("server.no-gradio", stage="start") from error
    from easyphoto.ui.compat import upload_folder

    @asynccontextmanager
    async def lifespan(app: Any) -> Any:
        ready(address.url)
        yield

    app = fastapi.FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.mount(API_ROOT, build_api(studio, queue, address.access))
    app.router.add_route("/", _front_page)
    app.router.add_route("/favicon.ico", _icon)
    _mount_pages(app, studio, queue)
    return AuthMiddleware(UploadLeftovers(app, upload_folder), address.access)


def _mount_pages(app: Any, studio: Studio, queue: JobQueue) -> None:
    """The same page once in every language, at /en and /zh."""
    from easyphoto.locales import LANGUAGES
    from easyphoto.ui import compat
    from easyphoto.ui.context import UiContext
    from easyphoto.ui.i18n import Translator
    from easyphoto.ui.pictures import PictureCache
    from easyphoto.ui.tab import build, own_assets

    look, pictures = own_assets(), PictureCache()
    for language in LANGUAGES:
        context = UiContext(studio, queue, Translator(language), lambda: list(diagnose(studio.paths)), pictures)
        compat.mount(app, build(context, look), f"/{language}", look)


def _front_page(request: Request) -> Response:
    """To the page in the visitor's language; a language that was chosen is remembered."""
    from easyphoto.locales import LANGUAGES
    from easyphoto.ui.i18n import language_of

    asked = request.query_params.get("lang", "")
    held = asked if asked in LANGUAGES else request.cookies.get(LANGUAGE_COOKIE, "")
    language = language_of(request.headers.get("accept-language", ""), held)
    answer = RedirectResponse(f"{language}/", status_code=302)
    if asked in LANGUAGES:
        answer.set_cookie(LANGUAGE_COOKIE, asked, max_age=YEAR, samesite="lax", httponly=True)
    return answer


def _icon(request: Request) -> Response:
    """For the browser's tab."""
    return Response(ICON, media_type="image/svg+xml", headers={"cache-control": "max-age=86400"})


class AuthMiddleware:
    """Lets in whom the API's own rules let in; a browser carries the token as a cookie."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. The API asks for itself."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        visit = HTTPConnection(scope)
        if visit.url.path.startswith(API_ROOT + "/"):
            return await self.app(_with_token(visit), receive, send)
        asked = visit.query_params.get("token", "") if scope["type"] == "http" and visit.url.path == "/" else ""
        if refusal := self._refusal(visit, asked):
            return await _error_response(refusal, scope)(scope, receive, send)
        if asked and self.access.proofs:  # where there is no token, none becomes a cookie
            return await _cookie_response(asked)(scope, receive, _with_headers(send))
        return await self.app(scope, receive, _with_headers(send))

    def _refusal(self, visit: HTTPConnection, asked: str) -> EasyPhotoError | None:
        headers = dict(visit.headers)
        if token := asked or visit.cookies.get(TOKEN_COOKIE, ""):
            headers["authorization"] = f"Bearer {token}"
        if visit.scope.get("method") == "GET" and headers.get("sec-fetch-mode") == "navigate":
            headers.pop("sec-fetch-site", None)  # a link from elsewhere may lead here
        try:
            self.access.check(headers, address_reached(visit.scope))
        except EasyPhotoError as error:
            return error
        return None


def _with_headers(send: Send) -> Send:
    """No page of another site may show ours in a frame."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message.setdefault("headers", [])
            MutableHeaders(scope=message).append("content-security-policy", OWN_FRAMES)
        await send(message)

    return sending


def _with_token(visit: HTTPConnection) -> Scope:
    """The API knows no cookies: a browser of ours that has one sends the token by it."""
    token = "" if "authorization" in visit.headers else visit.cookies.get(TOKEN_COOKIE, "")
    headers = visit.headers.mutablecopy()
    if token:
        headers["authorization"] = f"Bearer {token}"
    return {**visit.scope, "headers": headers.raw}


def _cookie_response(token: str) -> Response:
    """The token becomes a cookie that scripts cannot read, and leaves the address bar."""
    answer = RedirectResponse("/", 303)
    answer.set_cookie(TOKEN_COOKIE, token, max_age=YEAR, httponly=True, samesite="strict")
    return answer


def _error_response(error: EasyPhotoError, scope: Scope) -> ASGIApp:
    return WebSocketClose(1008) if scope["type"] == "websocket" else PlainTextResponse(f"{error}\n", status_of(error))
