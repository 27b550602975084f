"""The application: every route behind the same guards."""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from easyphoto.api import job_routes, legacy, library_routes
from easyphoto.api.access import Access
from easyphoto.api.errors import status_of
from easyphoto.api.openapi import document
from easyphoto.api.parsing import read_json
from easyphoto.api.routing import AppContext, Diagnose, EncodedJson, JsonResult, RequestContext, Route, read_query
from easyphoto.api.schemas import check_schema
from easyphoto.errors import EasyPhotoError, NotFound
from easyphoto.jobs import JobQueue

if TYPE_CHECKING:
    from easyphoto.studio import Studio

_log = logging.getLogger(__name__)

PREFIX = "/easyphoto"
"""Where the application is meant to be mounted."""

CHALLENGES = {"Bearer": "Bearer", "Basic": 'Basic realm="EasyPhoto", charset="UTF-8"'}

ROUTES = (*job_routes.ROUTES, *library_routes.ROUTES, *legacy.ROUTES)

Endpoint = Callable[[Request], Awaitable[Response]]


def build_api(studio: Studio, queue: JobQueue, access: Access, examine: Diagnose | None = None) -> FastAPI:
    """An application of its own, for ``app.mount("/easyphoto", ...)`` in ours or in the WebUI's.

    The caller owns the queue and closes it; `examine` is its own doctor, where it has one.
    """
    desk = AppContext(studio, queue, access, examine)
    app = FastAPI(title="EasyPhoto", docs_url=None, redoc_url=None, openapi_url=None)
    for route in ROUTES:
        _add(app, route.method, route.path, _answering(desk, route))
    _add(app, "GET", "/v1/openapi.json", _documenting(desk))
    app.add_exception_handler(HTTPException, _on_http_error)
    return app


def _add(app: FastAPI, method: str, path: str, endpoint: Endpoint) -> None:
    app.router.add_route(path, endpoint, methods=[method], include_in_schema=False)


def _guarded(desk: AppContext, work: Endpoint) -> Endpoint:
    """Lets in whom the access rules let in, and turns every failure into JSON with a status."""

    async def endpoint(request: Request) -> Response:
        try:
            desk.access.check(request.headers)
            return await work(request)
        except EasyPhotoError as error:
            return _refusal(error, desk)
        except Exception:  # a door: the caller gets an answer, we get the traceback
            _log.exception("A request failed inside.")
            return _refusal(EasyPhotoError("Something went wrong inside.", remedy="Please report this."), desk)

    return endpoint


def _answering(desk: AppContext, route: Route) -> Endpoint:
    async def answer(request: Request) -> Response:
        call = await _call(desk, route, request)
        result = await _worked(route, call)
        return _json(result.data, result.status) if isinstance(result, JsonResult) else result

    return _guarded(desk, answer)


async def _worked(route: Route, call: RequestContext) -> JsonResult | Response:
    if route.light or inspect.iscoroutinefunction(route.work):
        result = route.work(call)
        return await result if isinstance(result, Awaitable) else result
    done: JsonResult | Response = await run_in_threadpool(cast(Callable[[RequestContext], Any], route.work), call)
    return done


async def _call(desk: AppContext, route: Route, request: Request) -> RequestContext:
    query = read_query(request.query_params, route.query)
    body = None
    if route.body is not None:
        body = await read_json(request, desk.access.max_body, route.lenient)
        check_schema(body, route.body)
    return RequestContext(desk, request.path_params, query, request.headers, body)


def _documenting(desk: AppContext) -> Endpoint:
    async def answer(request: Request) -> Response:
        return _json(document(ROUTES, request.scope.get("root_path", ""), desk.access.schemes))

    return _guarded(desk, answer)


def _json(data: Any, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    text = data.text if isinstance(data, EncodedJson) else json.dumps(data, allow_nan=False)
    return Response(text, status, headers, "application/json")


def _refusal(error: EasyPhotoError, desk: AppContext) -> Response:
    response = _json(desk.tell.clean(error.as_json()), status_of(error))
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = ", ".join(CHALLENGES[scheme] for scheme in desk.access.schemes)
    return response


async def _on_http_error(request: Request, error: Exception) -> Response:
    """404 and 405 of the router itself, in our own words."""
    assert isinstance(error, HTTPException)
    response = _json(NotFound(str(error.detail), stage="request").as_json(), error.status_code)
    response.headers.update(error.headers or {})
    return response
