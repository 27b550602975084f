"""Which persons were trained from which photos: asked again for the same, a node need not train again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from easyphoto.domain import Person, Photo, TrainRequest
from easyphoto.library import slug
from easyphoto.paths import Paths
from easyphoto.private_files import make_private, write_atomic
from easyphoto.progress import Progress
from easyphoto.studio import Studio
from easyphoto.training.working_folder import fingerprint

MOST = 1000


def trained(studio: Studio, request: TrainRequest, photos: Sequence[Photo], report: Progress) -> Person:
    """The person of these very photos and settings: the one there is, or a new one.

    Raises what `Studio.train` does; AlreadyThere for a name that belongs to another training.
    """
    content = fingerprint(request, photos)
    there = next((one for one in studio.library.list() if one.id == slug(request.person)), None)
    if request.consent and there is not None and _mark(there, content) in _marks(studio.paths):
        return there
    person = studio.train(request, photos, report).person
    _remember(studio.paths, _mark(person, content))
    return person


def _mark(person: Person, content: str) -> str:
    """A hash that tells nothing to whoever has no such person: none is left that names one who was deleted."""
    return hashlib.sha256(f"{person.id}\0{person.created}\0{content}".encode()).hexdigest()


def _file(paths: Paths) -> Path:
    return paths.root / "comfyui-trainings.json"


def _marks(paths: Paths) -> list[str]:
    """None where the file cannot be read: training once more is refused by name, nothing is lost."""
    try:
        return [str(one) for one in json.loads(_file(paths).read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def _remember(paths: Paths, mark: str) -> None:
    make_private(paths.root)
    write_atomic(_file(paths), json.dumps([*_marks(paths), mark][-MOST:]))
