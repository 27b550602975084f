"""The command ``batch``: many persons and their portraits out of one table."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from easyphoto.batch import (
    LOCAL,
    RAY,
    BatchRun,
    BatchTask,
    StudioSettings,
    TaskResult,
    Worker,
    run_batch,
    tasks_of,
)
from easyphoto.cli.batch_plan import read_plan
from easyphoto.cli.commands import PART_FAILED
from easyphoto.cli.context import CommandContext
from easyphoto.cli.terminal import CommandResult
from easyphoto.errors import messages_of
from easyphoto.locales import Message, message, plain


def batch(arguments: Namespace, context: CommandContext) -> CommandResult:
    """Train everybody of the plan and make their portraits, but for what is done already."""
    plan: Path = arguments.plan.resolve()
    out = (arguments.out or plan.with_name(f"{plan.stem}-portraits")).resolve()
    studio = context.studio
    persons = read_plan(plan, lambda name: studio.engine.checkpoint(name).family)
    elsewhere = StudioSettings(studio.paths.root.resolve(), arguments.engine, "")
    worker = Worker(elsewhere if arguments.ray else (lambda: studio), out)
    executor = RAY if arguments.ray else LOCAL
    return _told(run_batch(tasks_of(persons), worker, context.report, executor, arguments.ray), out)


def _told(run: BatchRun, out: Path) -> CommandResult:
    found = sum(result.found for _, result in run.results)
    done = len(run.results) - len(run.failures) - found
    line = message("batch.done", done=done, found=found, failed=len(run.failures), folder=str(out))
    data = {"tasks": [_facts(task, result) for task, result in run.results], "folder": str(out)}
    return CommandResult(data, [line], _table(run), PART_FAILED if run.failures else 0)


def _facts(task: BatchTask, result: TaskResult) -> dict[str, Any]:
    facts = {"name": task.name, "key": task.key, "person": result.person, "file": result.file}
    return {**facts, "found": result.found, "seconds": result.seconds, "failure": result.failure}


def _table(run: BatchRun) -> list[Sequence[Message | str]]:
    rows: list[Sequence[Message | str]] = [tuple(Message(f"cli.table.{name}") for name in ("name", "state"))]
    return [*rows, *((task.name, _state(result)) for task, result in run.results)]


def _state(result: TaskResult) -> Message:
    if result.failure:
        return message("plain", text=[one for one in messages_of(result.failure) if one.text()])
    return message("batch.found") if result.found else plain(result.file or result.person)
