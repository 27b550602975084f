"""The application: FastAPI with our routes, our access rules and our form of a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from easyphoto import __version__
from easyphoto.api import job_routes, legacy, library_routes
from easyphoto.api.access import Access
from easyphoto.api.errors import places_of
from easyphoto.api.middleware import AccessMiddleware
from easyphoto.api.parsing import refusal_of
from easyphoto.api.routing import AppContext, AsciiJson, Diagnose
from easyphoto.errors import NotFound
from easyphoto.jobs import JobQueue

if TYPE_CHECKING:
    from easyphoto.studio import Studio

_ERROR_JSON = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}  # whatever a route's success is
_FAILURES: dict[int | str, dict[str, Any]] = {
    "4XX": {"content": _ERROR_JSON, "description": "Refused; the body says why and what to do."},
    "5XX": {
        "content": _ERROR_JSON,
        "description": "Our own fault; 501 not installed; 503 no memory, file in use; 507 no room or right to write.",
    },
}
_LOGINS = {"Bearer": "token", "Basic": "login"}


def build_api(studio: Studio, queue: JobQueue, access: Access, examine: Diagnose | None = None) -> FastAPI:
    """An application of its own, for ``app.mount("/easyphoto", ...)`` in ours or in the WebUI's.

    The caller owns the queue and closes it; `examine` is its own doctor, where it has one.
    """
    app = FastAPI(
        title="EasyPhoto",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        default_response_class=AsciiJson,
        responses=_FAILURES,
    )
    app.state.context = AppContext(studio, queue, access, examine)
    for router in (job_routes.router, library_routes.router, legacy.router):
        app.include_router(router)
    app.add_middleware(AccessMiddleware, access=access, places=places_of(studio.paths), folder=studio.paths.jobs)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_wrong_request)
    if access.schemes:
        _document_logins(app, access)
    return app


def _document_logins(app: FastAPI, access: Access) -> None:
    """FastAPI documents logins that its dependencies ask for; ours are asked for before any route."""
    document = app.openapi()
    document["components"]["securitySchemes"] = {
        _LOGINS[scheme]: {"type": "http", "scheme": scheme.lower()} for scheme in access.schemes
    }
    document["security"] = [{_LOGINS[scheme]: []} for scheme in access.schemes]


async def _on_wrong_request(request: Request, error: Exception) -> NoReturn:
    assert isinstance(error, RequestValidationError)
    raise refusal_of(error) from error


async def _on_http_error(request: Request, error: Exception) -> Response:
    """404 and 405 of the router itself, in our own words."""
    assert isinstance(error, HTTPException)
    facts = NotFound("request.route", stage="request", why=str(error.detail)).as_json()
    return AsciiJson(facts, error.status_code, dict(error.headers or {}))
