"""Bodies and queries, more strictly than FastAPI reads them; what does not fit is refused by name."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool

from easyphoto.api.errors import NotJson, TooLarge, WrongType
from easyphoto.errors import BadRequest, EasyPhotoError, NotFound

_QUICK = 100_000  # bytes that are parsed at once, not in a thread
_EXACT = 2**53  # floats below it hold every integer


class _ParsedRequest(Request):
    """Its body has been read."""

    def __init__(self, request: Request, value: Any) -> None:
        headers = [pair for pair in request.scope["headers"] if pair[0] != b"content-type"]
        super().__init__({**request.scope, "headers": [*headers, (b"content-type", b"application/json")]})
        self._value = value

    async def body(self) -> bytes:
        """Only asked whether there is one."""
        return b"parsed"

    async def json(self) -> Any:
        """The value."""
        return self._value


async def with_json(request: Request, lenient: bool) -> Request:
    """The request with its body parsed. Raises WrongType, NotJson, and TooLarge from the middleware.

    `lenient` also takes a body without a type from callers that are no browsers (they send no Origin).
    """
    _check_type(request, lenient)
    data = await request.body()
    value = _parsed(data) if len(data) < _QUICK else await run_in_threadpool(_parsed, data)
    return _ParsedRequest(request, value)


def _check_type(request: Request, lenient: bool) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" or (lenient and not kind and "origin" not in request.headers):
        return
    raise WrongType("body.wrong-type", stage="request")


def _parsed(data: bytes) -> Any:
    try:
        text = data.decode("utf-8")
        value = json.loads(text, parse_constant=_no_constant, parse_float=_number)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # finds halves of surrogate pairs
    except (ValueError, RecursionError) as error:
        raise NotJson("body.no-json", stage="request", why=str(error)[:120]) from error
    return value


def _number(written: str) -> int | float:
    """1.0 is an integer in a JSON schema, so it is one here."""
    value = float(written)
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def check_query(given: Iterable[str], known: set[str]) -> None:
    """Raises BadRequest for a name that the route does not know."""
    if strange := [name for name in given if name not in known]:
        raise BadRequest("body.unknown-query", stage="request", name=strange[0][:80])


def decoded(text: str, limit: int) -> bytes:
    """Bytes of base64, with or without a data URL's head. Raises TooLarge, NotJson."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    if len(text) * 3 // 4 > limit + 2:
        raise TooLarge("body.file-too-large", stage="request", limit=limit // 1_000_000)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotJson("body.no-base64", stage="request") from error


# ---------------------------------------------------------------- what did not fit

_STRANGE = {"missing", "extra", "extra_forbidden"}
_LENGTHS_1 = ("min_length", "max_length", "min_items", "max_items")
_CODES: dict[str, tuple[str, ...]] = {  # pydantic's kinds of fault, in version 2 and in version 1
    "field.missing": ("missing",),
    "field.unknown": ("extra_forbidden", "extra"),
    "field.bounds": ("greater_than_equal", "less_than_equal", "not_ge", "not_le"),
    "field.characters": ("string_pattern_mismatch", "regex"),
    "field.length": ("string_too_short", "string_too_long", "too_short", "too_long", *_LENGTHS_1),
    "field.choice": ("literal_error", "enum", "const"),
    "field.object": ("dict_type", "model_type", "model_attributes_type", "dict"),
}
_CODE_OF = {kind: code for code, kinds in _CODES.items() for kind in kinds}


def refusal_of(error: RequestValidationError) -> EasyPhotoError:
    """The first fault by its place. Of a body that could have several forms, a value of the nearest form."""
    faults = error.errors()
    fault = next((fault for fault in faults if _kind(fault) not in _STRANGE), faults[0])
    if fault["loc"][0] == "path":
        return NotFound("field.path", stage="request", field=_place(fault["loc"][1:]))
    code = _CODE_OF.get(_kind(fault), "field.type")
    return BadRequest(code, stage="request", field=_place(fault["loc"]), detail=fault["msg"][:200])


def _kind(fault: Mapping[str, Any]) -> str:
    """Pydantic 1 puts families of kinds before it."""
    return str(fault["type"]).rpartition(".")[2]


def _place(parts: Sequence[str | int]) -> str:
    """body.photos[0].data; pydantic 2 also names the form, as only a class is named."""
    *between, last = parts
    names = [part for part in between if not str(part)[:1].isupper()]
    names.append(last if isinstance(last, int) else last[:80])
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in names).lstrip(".")
