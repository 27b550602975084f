"""A person as nodes hand it on, and as lists name it."""

from __future__ import annotations

from dataclasses import dataclass

from easyphoto.domain import Person
from easyphoto.errors import NotFound
from easyphoto.library import Library

TYPE = "EASYPHOTO_PERSON"
"""ComfyUI's name of the wires."""

NOBODY = "-"
"""What the list holds while there are no persons: ComfyUI cannot show an empty one."""


@dataclass(frozen=True)
class PersonChoice:
    """Who, and which training of them: another one of the same name is somebody else to ComfyUI's cache."""

    id: str
    created: str  # ISO 8601 UTC


def choice_of(person: Person) -> PersonChoice:
    """What is handed on."""
    return PersonChoice(person.id, person.created)


def listed(library: Library) -> list[str]:
    """Ids for a list, which are the names as far as folders can have them; `NOBODY` alone where there are none."""
    return [person.id for person in library.list()] or [NOBODY]


def person_of(library: Library, choice: PersonChoice) -> Person:
    """Raises NotFound, also for somebody else who has the id by now."""
    person = library.open(choice.id)
    if person.created != choice.created:
        raise NotFound("library.no-person", stage="node", id=choice.id)
    return person


def open_listed(library: Library, name: str) -> Person:
    """Raises NotFound for somebody who is not there, or where nobody was chosen."""
    if name in ("", NOBODY):
        raise NotFound("comfyui.nobody-chosen", stage="node")
    return library.open(name)
