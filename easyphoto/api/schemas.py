"""JSON schemas: of requests from their own dataclasses, of everything else written out; and the check against them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from easyphoto.domain import Option, PortraitRequest, TrainRequest, options_of
from easyphoto.errors import BadRequest
from easyphoto.jobs.job import JOB_ID, Kind, State
from easyphoto.jobs.requests import MAX_ITEMS, MAX_TEXT

Schema = dict[str, Any]

PLAIN_TEXT = r"^[^\u0000]*$"

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
TOKEN: Schema = {"type": ["string", "null"], "description": "For GET pictures/{token}."}


def object_of(properties: Mapping[str, Schema], optional: tuple[str, ...] = (), **more: Any) -> Schema:
    """An object with exactly these properties."""
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": dict(properties),
        **({"required": required} if required else {}),
        "additionalProperties": False,
        **more,
    }


def array_of(item: Schema, **bounds: Any) -> Schema:
    """A list."""
    return {"type": "array", "items": item, **bounds}


def map_of(value: Schema) -> Schema:
    """An object with any names."""
    return {"type": "object", "additionalProperties": value}


def ref(name: str) -> Schema:
    """One of the named schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def request_schema(kind: type[Any]) -> Schema:
    """Of a request dataclass: types, bounds, choices, defaults, label and help, all from its fields."""
    options = options_of(kind)
    return object_of(
        {f.name: _field_schema(f, options.get(f.name)) for f in fields(kind)}, tuple(f.name for f in fields(kind))
    )


def _field_schema(field: Field[Any], rule: Option | None) -> Schema:
    default = field.default if field.default is not MISSING else None
    if isinstance(default, tuple):
        words: Schema = {"type": "string", "maxLength": MAX_TEXT, "pattern": PLAIN_TEXT}
        return {"type": "array", "items": words, "maxItems": MAX_ITEMS, "default": list(default)}
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    schema: Schema = {"type": kinds[type(default)], "default": default}
    if isinstance(default, str):
        schema |= {"maxLength": MAX_TEXT, "pattern": PLAIN_TEXT}
    if rule is not None:
        schema |= {"title": rule.label, "description": rule.help, "x-advanced": rule.advanced} | _bounds(rule)
    return schema


def _bounds(rule: Option) -> Schema:
    found = {"minimum": rule.low, "maximum": rule.high, "x-step": rule.step, "enum": list(rule.choices) or None}
    return {name: value for name, value in found.items() if value is not None}


# ---------------------------------------------------------------- named schemas

UPLOAD_ID = r"^[0-9a-f]{32}$"
TEMPLATE_ID = r"^[0-9a-f]{24}$"

_BASE64: Schema = {
    "type": "string",
    "minLength": 4,
    "contentEncoding": "base64",
    "description": "Base64 of the file, with or without a data URL's head.",
}
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": PLAIN_TEXT}
_UPLOAD: Schema = {"type": "string", "pattern": UPLOAD_ID}
_VERDICT: Schema = {"type": "string", "enum": ["", "keep", "drop"], "default": ""}

_ERROR = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("kind", "code", "problem", "stage", "file", "remedy"), TEXT),
        "params": {"type": "object"},
    },
    "required": ["kind", "code", "params", "problem", "stage", "file", "remedy"],
    "additionalProperties": TEXT,
}

_JOB = object_of(
    {
        "id": {"type": "string", "pattern": JOB_ID},
        "kind": {"type": "string", "enum": [kind.value for kind in Kind]},
        "state": {"type": "string", "enum": [state.value for state in State]},
        "request": {"type": "object"},
        "files": array_of(TEXT),
        "created": {"type": "string", "format": "date-time"},
        "started": TIME,
        "ended": TIME,
        "place": {**COUNT, "description": "Jobs in the line up to this one; 0 once it runs."},
        "stage": TEXT,
        "done": COUNT,
        "total": COUNT,
        "fraction": {"type": "number", "minimum": 0, "maximum": 1},
        "note": TEXT,
        "cancelling": FLAG,
        "resumable": FLAG,
        "result": {"type": ["object", "null"]},
        "error": {"oneOf": [ref("Error"), {"type": "null"}]},
        "last_event": COUNT,
    }
)

_EVENT = object_of(
    {
        "number": {"type": "integer", "minimum": 1},
        "time": {"type": "string", "format": "date-time"},
        "state": {"type": "string", "enum": [state.value for state in State]},
        "stage": TEXT,
        "done": COUNT,
        "total": COUNT,
        "note": TEXT,
        "figures": map_of(NUMBER),
        "preview": TOKEN,
        "line": TEXT,
    }
)

_PERSON = object_of(
    {
        "id": TEXT,
        "name": TEXT,
        "created": TEXT,
        "base_model": TEXT,
        "photos": COUNT,
        "bytes": COUNT,
        "likeness": {"type": ["number", "null"], "description": "L2 distance; lower is nearer."},
        "family": {"type": ["string", "null"]},
        "reference": TOKEN,
        "face_id": TOKEN,
        "warnings": array_of(TEXT),
    }
)

SCHEMAS: dict[str, Schema] = {
    "Error": _ERROR,
    "TrainRequest": request_schema(TrainRequest),
    "PortraitRequest": request_schema(PortraitRequest),
    "Photo": {
        "oneOf": [
            object_of({"name": _NAME, "data": _BASE64, "override": _VERDICT}, ("override",)),
            object_of({"upload": _UPLOAD, "override": _VERDICT}, ("override",)),
        ]
    },
    "TemplatePicture": {
        "oneOf": [
            object_of({"name": _NAME, "data": _BASE64}),
            object_of({"upload": _UPLOAD}),
            object_of({"template": {"type": "string", "pattern": TEMPLATE_ID}}),
        ]
    },
    "Upload": object_of({"id": _UPLOAD, "name": TEXT, "bytes": COUNT}),
    "Job": _JOB,
    "Event": _EVENT,
    "Person": _PERSON,
    "Template": object_of(
        {
            "id": {"type": "string", "pattern": TEMPLATE_ID},
            "name": TEXT,
            "own": FLAG,
            "picture": TOKEN,
            "facts": {"anyOf": [ref("TemplateFacts"), {"type": "null"}], "description": "Of one that ships."},
        }
    ),
    "TemplateFacts": object_of(
        {
            "title": map_of(TEXT),
            "tags": array_of(TEXT),
            "people": COUNT,
            "source": TEXT,
            "license": TEXT,
            "changes": TEXT,
        }
    ),
}

FILE = object_of({"name": _NAME, "data": _BASE64})
FILE_OR_UPLOAD = {"oneOf": [object_of({"data": _BASE64}), object_of({"upload": _UPLOAD})]}
NAME = _NAME


# ---------------------------------------------------------------- checking


def check_schema(value: Any, schema: Schema, where: str = "body") -> None:
    """Raises BadRequest naming the place. Knows the keywords used above; values of requests are read elsewhere."""
    if "$ref" in schema:
        check_schema(value, SCHEMAS[schema["$ref"].rpartition("/")[2]], where)
    elif "oneOf" in schema:
        _check_choices(value, schema["oneOf"], where)
    elif schema.get("type") == "object":
        _check_object(value, schema, where)
    elif schema.get("type") == "array":
        _check_list(value, schema, where)
    elif schema.get("type") == "string":
        _check_text(value, schema, where)
    elif schema.get("type") == "boolean" and not isinstance(value, bool):
        raise _wrong(where, "must be true or false")


def _check_choices(value: Any, choices: list[Schema], where: str) -> None:
    """The choices are told apart by their required names."""
    fits = [c for c in choices if isinstance(value, dict) and set(c["required"]) <= set(value)]
    if len(fits) != 1:
        names = " or ".join(" and ".join(choice["required"]) for choice in choices)
        raise _wrong(where, f"must be an object with {names}")
    check_schema(value, fits[0], where)


def _check_object(value: Any, schema: Schema, where: str) -> None:
    if not isinstance(value, dict):
        raise _wrong(where, "must be an object")
    known = schema.get("properties", {})
    if missing := [name for name in schema.get("required", ()) if name not in value]:
        raise _wrong(f"{where}.{missing[0]}", "is missing")
    if schema.get("additionalProperties") is False and (strange := [name for name in value if name not in known]):
        raise _wrong(f"{where}.{strange[0][:80]}", f"is unknown; known are {', '.join(known) or 'none'}")
    for name, item in value.items():
        if name in known:
            check_schema(item, known[name], f"{where}.{name}")


def _check_list(value: Any, schema: Schema, where: str) -> None:
    if not isinstance(value, list):
        raise _wrong(where, "must be a list")
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        raise _wrong(where, f"has {len(value)} entries")
    for number, item in enumerate(value):
        check_schema(item, schema["items"], f"{where}[{number}]")


def _check_text(value: Any, schema: Schema, where: str) -> None:
    if not isinstance(value, str):
        raise _wrong(where, "must be a text")
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        raise _wrong(where, f"has {len(value)} characters")
    if schema.get("contentEncoding"):
        return
    if schema.get("enum") and value not in schema["enum"]:
        raise _wrong(where, f"must be one of {', '.join(schema['enum'])}")
    if "\0" in value or ("pattern" in schema and not re.search(schema["pattern"], value.replace("\n", " "))):
        raise _wrong(where, "has characters that are not allowed")


def _wrong(where: str, what: str) -> BadRequest:
    return BadRequest(f"{where} {what}.", stage="request")
