"""Failures in the form that the original's clients read: a `message`, and empty lists of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_EMPTY: dict[str, dict[str, Any]] = {
    "easyphoto_train_forward": {},
    "easyphoto_infer_forward": {"outputs": [], "face_id_outputs": []},
    "easyphoto_video_infer_forward": {"outputs": []},
}
"""What a client of each route of the original looks for beside the message."""


def sentence(failure: Mapping[str, Any]) -> str:
    """Problem, file and remedy of a failure as one text."""
    parts = (
        failure.get("problem", ""),
        f"[{failure['file']}]" if failure.get("file") else "",
        failure.get("remedy", ""),
    )
    return " ".join(part for part in parts if part)


def for_route(path: str, failure: dict[str, Any]) -> dict[str, Any]:
    """The failure's JSON; for a route of the original with the fields of the original's answers as well."""
    fields = _EMPTY.get(path.rpartition("/")[2])
    return failure if fields is None else {**failure, "message": sentence(failure), **fields}
