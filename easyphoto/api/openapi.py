"""The OpenAPI document, made of the route cards."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from easyphoto import __version__
from easyphoto.api.routing import Route
from easyphoto.api.schemas import SCHEMAS, TEMPLATE_ID, UPLOAD_ID, Schema, ref
from easyphoto.jobs.job import JOB_ID

_IDS: dict[str, Schema] = {
    "job": {"type": "string", "pattern": JOB_ID},
    "person": {"type": "string", "minLength": 1, "maxLength": 200},
    "template": {"type": "string", "pattern": TEMPLATE_ID},
    "upload": {"type": "string", "pattern": UPLOAD_ID},
    "token": {"type": "string", "pattern": "^[A-Za-z0-9_-]{24}$"},
}
_LOGINS = {"Bearer": "token", "Basic": "login"}
_MAY_FAIL = {
    "4XX": {"description": "Refused; the body says why and what to do.", "content": {}},
    "5XX": {"description": "Our own fault, or something is not installed.", "content": {}},
}


def document(routes: Sequence[Route], prefix: str, schemes: Sequence[str]) -> dict[str, Any]:
    """OpenAPI 3.1; `prefix` is where the application is mounted."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    components: dict[str, Any] = {"schemas": SCHEMAS}
    whole: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "EasyPhoto", "version": __version__},
        "servers": [{"url": prefix or "/"}],
        "paths": paths,
        "components": components,
    }
    if schemes:
        components["securitySchemes"] = {_LOGINS[s]: {"type": "http", "scheme": s.lower()} for s in schemes}
        whole["security"] = [{_LOGINS[s]: []} for s in schemes]
    return whole


def _operation(route: Route) -> dict[str, Any]:
    failures = {code: facts | {"content": _json(ref("Error"))} for code, facts in _MAY_FAIL.items()}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": [*_path_parameters(route), *_query_parameters(route)],
        "responses": {str(route.status): _success(route), **failures},
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _json(route.body)}
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", route.path)
    return [{"name": name, "in": "path", "required": True, "schema": _IDS[name]} for name in names]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    return [{"name": name, "in": "query", "schema": schema} for name, schema in route.query.items()]


def _success(route: Route) -> dict[str, Any]:
    if route.answer is not None:
        return {"description": "Done.", "content": _json(route.answer)}
    return {"description": "Done.", "content": {route.media: {"schema": {"type": "string"}}}}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
