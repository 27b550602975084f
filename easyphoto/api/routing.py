"""What all routes share: their context, strict bodies and queries, and the kinds of answer that are no plain JSON."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from fastapi.routing import APIRoute

from easyphoto.api.access import Access
from easyphoto.api.parsing import check_query, with_json
from easyphoto.api.request_files import RequestFiles
from easyphoto.api.serializers import Serializer
from easyphoto.api.sse import Feed
from easyphoto.diagnostics import Finding, diagnose
from easyphoto.jobs import JobQueue
from easyphoto.library import Templates
from easyphoto.library.uploads import UploadStore
from easyphoto.picture_tokens import Pictures

if TYPE_CHECKING:
    from easyphoto.studio import Studio


Diagnose = Callable[[], Sequence[Finding]]
"""The doctor."""

PASSTHROUGH = {"Content-Encoding": "identity"}
"""Header of streams and archives: a host's gzip layer would hold events back and pack a zip once more."""


class AppContext:
    """Everything behind the routes."""

    def __init__(self, studio: Studio, queue: JobQueue, access: Access, examine: Diagnose | None = None) -> None:
        self.studio, self.queue, self.access = studio, queue, access
        paths = studio.paths
        self.examine: Diagnose = examine or (lambda: tuple(diagnose(paths)))
        self.pictures = Pictures(paths)
        self.uploads = UploadStore(paths.uploads)
        self.templates = Templates(paths)
        self.request_files = RequestFiles(self.uploads, self.templates, paths.jobs, access.max_picture)
        self.serializer = Serializer(self.pictures, paths)
        self.feed = Feed(queue, self.serializer)


async def context_of(request: Request) -> AppContext:
    """The dependency of every route."""
    context: AppContext = request.app.state.context
    return context


class ApiRoute(APIRoute):
    """A route that refuses query parameters it does not know, and bodies that are not strictly JSON."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **facts: Any) -> None:
        """The function's docstring is the summary."""
        super().__init__(path, endpoint, **{**facts, "summary": inspect.getdoc(endpoint)})

    lenient = False  # also bodies without a content type, from callers that are no browsers

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own, behind those checks."""
        handle = super().get_route_handler()
        known = {field.alias for field in self.dependant.query_params}

        async def checked(request: Request) -> Response:
            check_query(request.query_params, known)
            return await handle(await with_json(request, self.lenient) if self.body_field else request)

        return checked


class LegacyRoute(ApiRoute):
    """The original's clients send JSON without saying so."""

    lenient = True


class AsciiJson(JSONResponse):
    """File names may hold halves of surrogate pairs, which UTF-8 cannot say."""

    def render(self, content: Any) -> bytes:
        """One line of ASCII."""
        return json.dumps(content, allow_nan=False).encode("ascii")


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


class ZipFile(FileResponse):
    """An archive."""

    media_type = "application/zip"


class PictureFile(FileResponse):
    """A picture of any kind."""

    media_type = "image/*"
