"""What comes before every route: who is let in, how long a body may be, and the JSON that every failure becomes."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from easyphoto.api import legacy_failures
from easyphoto.api.access import Access, address_reached
from easyphoto.api.body_budget import BodyBudget
from easyphoto.api.errors import Places, TooLarge, clean, status_of
from easyphoto.api.routing import AsciiJson
from easyphoto.errors import EasyPhotoError
from easyphoto.system_errors import failure_of

_log = logging.getLogger(__name__)

CHALLENGES = {"Bearer": "Bearer", "Basic": 'Basic realm="EasyPhoto", charset="UTF-8"'}
OWN_FRAMES = "frame-ancestors 'self'"
HEADERS = {"Content-Security-Policy": OWN_FRAMES, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class AccessMiddleware:
    """Lets in whom the access rules let in. A failure of theirs, or of a route, becomes JSON with a status.

    Starlette's TrustedHostMiddleware is not used: it answers in plain text, and takes no IPv6 address for a host.
    """

    def __init__(self, app: ASGIApp, access: Access, places: Places, folder: Path) -> None:
        self._app, self._access, self._places = app, access, places
        self._likely = (folder, Path(tempfile.gettempdir()))
        self._bodies = BodyBudget(folder, memory=access.max_body, disk=8 * access.max_body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _set_headers(message)
            await send(message)

        try:
            self._access.check(Headers(scope=scope), address_reached(scope))
            limited = BodyLimit(receive, scope, self._access.max_body)
            if scope["method"] in ("GET", "HEAD", "OPTIONS"):
                await self._app(scope, limited, sending)
            else:
                async with self._bodies.held(limited) as body:
                    await self._app(scope, body, sending)
        except ClientDisconnect:  # nobody is there for an answer
            return None
        except Exception as error:
            if started:
                raise
            await self._refusal(error, scope)(scope, receive, sending)

    def _refusal(self, error: Exception, scope: Scope) -> AsciiJson:
        failure = failure_of(error, self._likely, stage="request")
        if failure is None:
            _log.error("A request failed inside.", exc_info=error)
            failure = EasyPhotoError("internal")
        elif failure is not error:
            _log.warning("The system refuses: %s", failure)
        status = status_of(failure)
        schemes = ", ".join(CHALLENGES[scheme] for scheme in self._access.schemes)
        facts = legacy_failures.for_route(scope["path"], clean(failure.as_json(), self._places))
        return AsciiJson(facts, status, {"WWW-Authenticate": schemes} if status == 401 else None)


def _set_headers(message: Message) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)


class BodyLimit:
    """Passes on no more than `limit` bytes of a body. Raises TooLarge."""

    def __init__(self, receive: Receive, scope: Scope, limit: int) -> None:
        self._receive, self._limit = receive, limit
        declared = Headers(scope=scope).get("content-length", "")
        self._left = -1 if declared.isdecimal() and int(declared) > limit else limit

    async def __call__(self) -> Message:
        """The next part."""
        if self._left >= 0:
            message = await self._receive()
            self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise TooLarge("body.too-large", stage="request", limit=self._limit // 1_000_000)
        return message
