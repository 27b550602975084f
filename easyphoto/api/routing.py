"""What a route works with: the desk, the call, the answer, and the route's own card."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi.responses import Response

from easyphoto.api.access import Access
from easyphoto.api.schemas import Schema
from easyphoto.api.serializers import Serializer
from easyphoto.api.sse import Feed
from easyphoto.api.template_store import TemplateStore
from easyphoto.api.uploads import RequestFiles, Uploads
from easyphoto.diagnostics import Finding, diagnose
from easyphoto.errors import BadRequest
from easyphoto.jobs import JobQueue
from easyphoto.picture_tokens import Pictures

if TYPE_CHECKING:
    from easyphoto.studio import Studio


Diagnose = Callable[[], Sequence[Finding]]
"""The doctor."""


class AppContext:
    """Everything behind the routes."""

    def __init__(self, studio: Studio, queue: JobQueue, access: Access, examine: Diagnose | None = None) -> None:
        self.studio, self.queue, self.access = studio, queue, access
        paths = studio.paths
        self.examine: Diagnose = examine or (lambda: tuple(diagnose(paths)))
        self.pictures = Pictures(paths)
        self.uploads = Uploads(paths.uploads)
        self.templates = TemplateStore(paths)
        self.intake = RequestFiles(self.uploads, self.templates, paths.jobs, access.max_picture)
        self.tell = Serializer(self.pictures, paths)
        self.feed = Feed(queue, self.tell)


@dataclass(frozen=True)
class RequestContext:
    """A request that has passed the guards."""

    desk: AppContext
    path: Mapping[str, str]
    query: Mapping[str, Any]  # checked and typed
    headers: Mapping[str, str]
    body: Any = None  # of the route's shape


@dataclass(frozen=True)
class EncodedJson:
    """JSON that is text already."""

    text: str


@dataclass(frozen=True)
class JsonResult:
    """JSON, or something `Encoded`, and a status."""

    data: Any
    status: int = 200


PASSTHROUGH = {"Content-Encoding": "identity"}
"""Header of streams and archives: a host's gzip layer would hold events back and pack a zip once more."""

Handler = Callable[[RequestContext], JsonResult | Response] | Callable[[RequestContext], Awaitable[JsonResult]]
"""Plain functions run in a thread, coroutines in the event loop."""


@dataclass(frozen=True)
class Route:
    """A route and what the schema document says of it."""

    method: str
    path: str
    name: str  # operationId
    summary: str
    work: Handler
    answer: Schema | None = None  # None: the answer is no JSON
    status: int = 200
    body: Schema | None = None
    query: Mapping[str, Schema] = field(default_factory=dict)
    media: str = "application/json"  # of the answer
    light: bool = False  # quick enough for the event loop
    lenient: bool = False  # the original's clients send JSON without saying so


def read_query(given: Mapping[str, str], schemas: Mapping[str, Schema]) -> dict[str, Any]:
    """Typed values with defaults. Raises BadRequest for an unknown, mistyped or forbidden one."""
    if strange := [name for name in given if name not in schemas]:
        raise BadRequest(f"There is no query parameter {strange[0][:80]!r}.", stage="request")
    found = {name: schema.get("default") for name, schema in schemas.items()}
    return found | {name: _query_value(name, text, schemas[name]) for name, text in given.items()}


def _query_value(name: str, text: str, schema: Schema) -> Any:
    if schema["type"] == "boolean":
        if text not in ("true", "false"):
            raise BadRequest(f"{name} must be true or false.", stage="request")
        return text == "true"
    if schema["type"] == "integer":
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 16):
            raise BadRequest(f"{name} must be a whole number.", stage="request")
        if not schema.get("minimum", 0) <= int(text) <= schema.get("maximum", 10**15):
            raise BadRequest(f"{name} is out of bounds.", stage="request")
        return int(text)
    if text not in schema["enum"]:
        raise BadRequest(f"{name} must be one of {', '.join(schema['enum'])}.", stage="request")
    return text
