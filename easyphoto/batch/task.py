"""What a batch does: a training for every person, and a portrait for every one of their templates.

A task's key is a hash of all that shapes its result: settings and the content of every file, not their names or places.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

from easyphoto.domain import Photo, PortraitRequest, Template, TrainRequest
from easyphoto.library import slug
from easyphoto.library.filesystem import sha256_of
from easyphoto.training.working_folder import content_of

SEED_DIGITS = 8


@dataclass(frozen=True)
class BatchPerson:
    """A line of a plan: a person to be trained, and the pictures they go into."""

    train: TrainRequest  # names the person
    photos: tuple[Photo, ...]
    portrait: PortraitRequest  # of every template; its persons are replaced
    templates: tuple[Template, ...] = ()


@dataclass(frozen=True)
class TrainWork:
    """Photos to a person of the library."""

    request: TrainRequest
    photos: tuple[Photo, ...]


@dataclass(frozen=True)
class PortraitWork:
    """A trained person in one template."""

    request: PortraitRequest
    template: Template


@dataclass(frozen=True)
class BatchTask:
    """One piece of work that a process does by itself."""

    key: str  # SHA-256
    person: str  # the name shown
    work: TrainWork | PortraitWork
    after: str = ""  # key of the task that has to be done before

    @property
    def name(self) -> str:
        """Whom and what it is about."""
        return f"{self.person}: {self.work.template.name}" if isinstance(self.work, PortraitWork) else self.person


@dataclass(frozen=True)
class TaskResult:
    """How a task has ended; `failure` is that of `EasyPhotoError.as_json`, empty where all went well."""

    key: str
    file: str = ""  # the portrait's
    person: str = ""  # id in the library
    found: bool = False  # it had been done before
    seconds: float = 0.0
    failure: dict[str, Any] = field(default_factory=dict)


def tasks_of(persons: Iterable[BatchPerson]) -> tuple[BatchTask, ...]:
    """Each person's training, then their portraits. Raises BadName, OSError for a template that cannot be read."""
    return tuple(task for person in persons for task in _of_one(person))


def _of_one(person: BatchPerson) -> Iterator[BatchTask]:
    name = person.train.person
    photos = [(photo.override, content_of(photo.file)) for photo in person.photos]
    training = _key(_changes(person.train), photos)
    yield BatchTask(training, name, TrainWork(person.train, person.photos))
    plain, turns = replace(person.portrait, persons=(slug(name),)).in_turns(person.templates)
    for template in turns:
        content = sha256_of(template.file) if template.has_picture else ""
        key = _key(_changes(plain), training, content, *([template.turn] if template.turn else []))
        yield BatchTask(key, name, PortraitWork(_seeded(plain, key), template), after=training)


def _key(*facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _changes(request: Any) -> dict[str, Any]:
    """Settings that are not the program's own: one that a later version adds makes no other task of it."""
    return {
        one.name: getattr(request, one.name) for one in fields(request) if getattr(request, one.name) != one.default
    }


def _seeded(request: PortraitRequest, key: str) -> PortraitRequest:
    """A random seed follows from the key, so that every run paints the same portrait."""
    return replace(request, seed=int(key[:SEED_DIGITS], 16)) if request.seed < 0 else request
