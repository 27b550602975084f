"""Failures that only a door knows, and the status code of every failure."""

from __future__ import annotations

from typing import Any

from easyphoto.errors import (
    AlreadyThere,
    BadModel,
    BadPicture,
    BadRequest,
    Busy,
    EasyPhotoError,
    MissingModel,
    MissingPackage,
    NotFound,
)


class NotJson(EasyPhotoError):
    """The body cannot be read as JSON."""


class NotAllowed(EasyPhotoError):
    """The caller is known, or a stranger's page, and may not do this."""


class NoToken(EasyPhotoError):
    """The bearer token is missing or wrong."""


class TooLarge(EasyPhotoError):
    """A body or a picture is above the limit."""


class WrongType(EasyPhotoError):
    """The body is not declared as JSON."""


class TooMany(EasyPhotoError):
    """Something is full; later there will be room."""


_STATUS: tuple[tuple[type[EasyPhotoError], int], ...] = (  # the first that fits
    (NotJson, 400),
    (NoToken, 401),
    (NotAllowed, 403),
    (TooLarge, 413),
    (WrongType, 415),
    (TooMany, 429),
    (BadRequest, 422),
    (BadPicture, 422),
    (BadModel, 422),
    (MissingModel, 422),
    (NotFound, 404),
    (AlreadyThere, 409),
    (Busy, 409),
    (MissingPackage, 501),
)


def status_of(error: EasyPhotoError) -> int:
    """The HTTP status; 500 for what is our own fault."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def clean(value: Any, root: str) -> Any:
    """JSON without the place of the data folder in its texts: callers learn no paths of the machine."""
    if isinstance(value, str):
        return value.replace(root, "").replace(root.replace("\\", "/"), "") if root in value else value
    if isinstance(value, dict):
        return {key: clean(item, root) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item, root) for item in value]
    return value
