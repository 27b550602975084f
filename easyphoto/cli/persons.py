"""The commands on persons who are trained."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from easyphoto.cli.context import CommandContext
from easyphoto.cli.terminal import CommandResult, table_head
from easyphoto.domain import Person
from easyphoto.errors import BadRequest
from easyphoto.locales import Message, message

SOME_LEFT = 1
"""Exit code: the system would not delete some of the files."""


def list_persons(arguments: Namespace, context: CommandContext) -> CommandResult:
    """Everybody who is trained."""
    people = context.studio.library.list()
    rows: list[Sequence[Message | str]] = [
        table_head("id", "name", "base-model", "created"),
        *((p.id, p.name, p.base_model, p.created) for p in people),
    ]
    empty = (message("cli.nobody"),) if not people else ()
    return CommandResult({"persons": [person_facts(person) for person in people]}, empty, rows if people else ())


def show_person(arguments: Namespace, context: CommandContext) -> CommandResult:
    """One person in full."""
    facts = person_facts(context.studio.library.open(arguments.id))
    return CommandResult(facts, [f"{name}: {value}" for name, value in facts.items()])


def rename_person(arguments: Namespace, context: CommandContext) -> CommandResult:
    """Another display name; the id stays."""
    person = context.studio.library.rename(arguments.id, arguments.name)
    return CommandResult(person_facts(person), [message("cli.renamed", id=person.id, name=person.name)])


def remove_person(arguments: Namespace, context: CommandContext) -> CommandResult:
    """Everything that was made of the person's photos is deleted. Raises BadRequest without ``--yes``."""
    if not arguments.yes:
        raise BadRequest("person.confirm-deletion", stage="remove", id=arguments.id)
    from easyphoto.deletion import delete_person  # the job queue comes with it, which no other command needs

    removed = delete_person(arguments.id, context.studio)
    left = [str(file) for file in removed.left]
    counts = {"files": removed.files, "portraits": removed.portraits, "jobs": removed.jobs}
    lines = [
        message("cli.removed", id=arguments.id, size=removed.bytes / 1e6, **counts),
        message("cli.elsewhere"),
    ]
    lines += [message("cli.left", path=file) for file in left]
    data = {"id": arguments.id, **asdict(removed), "left": left}
    return CommandResult(data, lines, code=SOME_LEFT if left else 0)


def export_person(arguments: Namespace, context: CommandContext) -> CommandResult:
    """One zip with everything of the person."""
    file = context.studio.library.export(arguments.id, arguments.file)
    return CommandResult({"id": arguments.id, "file": str(file)}, [message("cli.written", path=str(file))])


def import_person(arguments: Namespace, context: CommandContext) -> CommandResult:
    """A person out of such a zip."""
    person = context.studio.library.import_(arguments.file)
    return CommandResult(person_facts(person), [message("cli.imported", id=person.id, name=person.name)])


def person_facts(person: Person) -> dict[str, Any]:
    """A person as JSON; of the photos their number."""
    facts = asdict(person)
    facts["photos"] = len(person.photos)
    return {name: str(value) if isinstance(value, Path) else value for name, value in facts.items()}
