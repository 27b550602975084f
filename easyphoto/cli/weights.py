"""The commands of model files: list, fetch, verify, import, path."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from easyphoto.cli.context import CommandContext
from easyphoto.cli.terminal import CommandResult, failure_line
from easyphoto.errors import BadRequest
from easyphoto.locales import Message, message
from easyphoto.progress import Cancelled
from easyphoto.weights import (
    Fetched,
    FetchPlan,
    FileState,
    Presence,
    WeightFile,
    WeightStore,
    learnt_note,
    refused,
    selected,
)
from easyphoto.weights.table import markdown, size_of

SOME_DAMAGED, PART_FAILED = 4, 6
_COLUMNS = ("id", "role", "groups", "size", "license", "commercial", "state")


def list_weights(arguments: Namespace, context: CommandContext) -> CommandResult:
    """Every file of the list, or those of some groups; with ``--markdown`` the table of the documents."""
    store = _store(arguments, context)
    if arguments.markdown:
        return CommandResult({"markdown": markdown(store.catalog)}, markdown(store.catalog).splitlines())
    states = [store.state(file) for file in selected(store.catalog, arguments.names)]
    return CommandResult({"weights": [_facts(state) for state in states]}, table=_table(states))


def fetch_weights(arguments: Namespace, context: CommandContext) -> CommandResult:
    """What those groups need, after a yes on the terminal or with ``--yes``.

    Raises BadRequest with the total where nobody can be asked, Cancelled after a no, and the first failure of all.
    """
    store = _store(arguments, context)
    plan = store.plan(arguments.names, arguments.commercial_safe)
    if plan.download and not (arguments.yes or arguments.offline):
        _confirm(plan, context)
    done = store.fetch(plan, context.report, arguments.offline)
    if done.failures and not done.files:
        raise done.failures[0]
    return _fetched(plan, done)


def _confirm(plan: FetchPlan, context: CommandContext) -> None:
    names = [_named(file) for file in plan.download]
    told: dict[str, Any] = {"total": plan.summary, "names": names, "notes": _joined(plan.notes)}
    if context.ask is None:
        raise BadRequest("weights.confirm", stage="fetch", **told)
    if not context.ask(message("weights.ask", **told)):
        raise Cancelled


def verify_weights(arguments: Namespace, context: CommandContext) -> CommandResult:
    """Reads every file that is there as a whole."""
    states = _store(arguments, context).verify(arguments.names, context.report)
    bad = [state for state in states if state.presence is Presence.DAMAGED]
    said = message("weights.damaged-files", names=[state.file.id for state in bad]) if bad else None
    whole = message("weights.verified", count=len(states) - len(bad))
    data = {"weights": [_facts(state) for state in states], "damaged": [state.file.id for state in bad]}
    return CommandResult(data, [said or whole], _table(states), SOME_DAMAGED if bad else 0)


def import_weights(arguments: Namespace, context: CommandContext) -> CommandResult:
    """Files of the list out of a folder."""
    return _fetched(FetchPlan(()), _store(arguments, context).bring(arguments.folder, context.report))


def path_of_weights(arguments: Namespace, context: CommandContext) -> CommandResult:
    """Where a file lies. Raises MissingModel; BadRequest for one for research only where that is not allowed."""
    store = _store(arguments, context)
    file = store.catalog.file(arguments.name)
    if arguments.commercial_safe and not file.commercial:
        raise refused(file)
    path = str(store.path(file.id))
    return CommandResult({"id": file.id, "path": path}, [path])


ACTIONS: Mapping[str, Callable[[Namespace, CommandContext], CommandResult]] = MappingProxyType(
    {
        "list": list_weights,
        "fetch": fetch_weights,
        "verify": verify_weights,
        "import": import_weights,
        "path": path_of_weights,
    }
)


def _store(arguments: Namespace, context: CommandContext) -> WeightStore:
    return WeightStore.of(context.studio.paths, arguments.webui)


def _fetched(plan: FetchPlan, done: Fetched) -> CommandResult:
    learnt = [learnt_note(state) for state in done.files if state.learnt]
    failed = [failure_line(failure) for failure in done.failures]
    data = {
        "there": [file.id for file in plan.there],
        "weights": [_facts(state) for state in done.files],
        "failures": [failure.as_json() for failure in done.failures],
        "notes": [note.as_json() for note in (*done.notes, *learnt)],
    }
    lines = [message("weights.done", count=len(done.files), there=len(plan.there)), *done.notes, *learnt, *failed]
    return CommandResult(data, lines, _table(done.files) if done.files else (), PART_FAILED if failed else 0)


def _joined(notes: Sequence[Message]) -> Message | str:
    return message("plain", text=list(notes)) if notes else ""


def _named(file: WeightFile) -> Message:
    return message("weights.named", name=file.id, size=size_of(file) or "?", license=file.license)


def _table(states: Sequence[FileState]) -> list[Sequence[Message | str]]:
    rows: list[Sequence[Message | str]] = [tuple(Message(f"cli.table.{name}") for name in _COLUMNS)]
    for state in states:
        file = state.file
        allowed = message("weights.commercial") if file.commercial else message("weights.research")
        groups = ", ".join(file.groups)
        rows.append((file.id, file.role, groups, size_of(file), file.license, allowed, state.presence.message))
    return rows


def _facts(state: FileState) -> dict[str, Any]:
    file = state.file
    return {
        "id": file.id,
        "name": file.name,
        "role": file.role,
        "groups": file.groups,
        "bytes": state.bytes,
        "sha256": file.sha256,
        "learnt": state.learnt,
        "license": file.license,
        "commercial": file.commercial,
        "substitutes": file.substitutes,
        "sources": [source.address for source in file.sources],
        "state": state.presence.value,
        "path": str(state.path),
    }
