"""Failures that only the HTTP API has, and the status code of every failure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from easyphoto.errors import (
    AlreadyThere,
    BadModel,
    BadPicture,
    BadRequest,
    Busy,
    EasyPhotoError,
    Locked,
    MissingModel,
    MissingPackage,
    NoResources,
    NoStorage,
    NotAllowed,
    NotFound,
    TooMany,
)
from easyphoto.paths import Paths
from easyphoto.system_errors import disk_of


class NotJson(EasyPhotoError):
    """The body cannot be read as JSON."""


class NoLogin(EasyPhotoError):
    """The token or the login is missing or wrong."""


class TooLarge(EasyPhotoError):
    """A body or a picture is above the limit."""


class WrongType(EasyPhotoError):
    """The body is not declared as JSON."""


_STATUS: tuple[tuple[type[EasyPhotoError], int], ...] = (  # the first that fits
    (NotJson, 400),
    (NoLogin, 401),
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
    (Locked, 503),
    (Busy, 409),
    (MissingPackage, 501),
    (NoResources, 503),
    (NoStorage, 507),
)


def status_of(error: EasyPhotoError) -> int:
    """The HTTP status; 500 for what is our own fault, or a refusal of the system that has no status of its own."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


Places = Mapping[str, str]
"""Folders of the machine and the words that stand for them."""


def places_of(paths: Paths) -> Places:
    """Data, models, home: callers learn neither where they lie nor the user's name in them."""
    folders = {disk_of(paths.root): "DISK"}  # may be named after a user; the others weigh more where they are the same
    folders |= {str(paths.root): "DATA", str(paths.models): "MODELS", str(Path.home()): "~"}
    whole = folders | {folder.replace("\\", "/"): word for folder, word in folders.items()}
    whole.pop(Path("/").as_posix(), None)  # some containers have their home there
    return dict(sorted(whole.items(), key=lambda pair: -len(pair[0])))


def clean(value: Any, places: Places) -> Any:
    """JSON without the places in its texts."""
    if isinstance(value, str):
        for folder, word in places.items():
            value = value.replace(folder, word)
        return value
    if isinstance(value, dict):
        return {key: clean(item, places) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item, places) for item in value]
    return value
