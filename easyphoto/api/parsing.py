"""Bodies: JSON within limits, and pictures within JSON."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, NoReturn

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from easyphoto.api.errors import NotJson, TooLarge, WrongType

_QUICK = 100_000  # bytes that are parsed at once, not in a thread


async def read_json(request: Request, limit: int, lenient: bool = False) -> Any:
    """The parsed body. Raises WrongType, TooLarge, NotJson.

    `lenient` also takes a body without a type from callers that are no browsers (they send no Origin).
    """
    _check_type(request, lenient)
    data = await _read(request, limit)
    return _parsed(data) if len(data) < _QUICK else await run_in_threadpool(_parsed, data)


def _check_type(request: Request, lenient: bool) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" or (lenient and not kind and "origin" not in request.headers):
        return
    raise WrongType("The body must be JSON.", stage="request", remedy="Send Content-Type: application/json.")


async def _read(request: Request, limit: int) -> bytes:
    """No more than `limit` bytes are ever taken."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is above the limit of {limit // 1_000_000} MB.", stage="request", remedy="Send less.")


def _parsed(data: bytes) -> Any:
    try:
        text = data.decode("utf-8")
        value = json.loads(text, parse_constant=_no_constant)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # finds halves of surrogate pairs
    except (ValueError, RecursionError) as error:
        raise NotJson(f"The body is no JSON ({str(error)[:120]}).", stage="request") from error
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def decoded(text: str, limit: int) -> bytes:
    """Bytes of base64, with or without a data URL's head. Raises TooLarge, NotJson."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    if len(text) * 3 // 4 > limit + 2:
        raise TooLarge(
            f"A file is above the limit of {limit // 1_000_000} MB.", stage="request", remedy="Send it smaller."
        )
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotJson("A file is no valid base64.", stage="request") from error
