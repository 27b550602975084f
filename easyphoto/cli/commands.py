"""The commands of the console: arguments to a request, the studio's result to an answer."""

from __future__ import annotations

import os
import secrets
import webbrowser
from argparse import Namespace
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from easyphoto.cli.arguments import chosen, photos_of, templates_of
from easyphoto.cli.context import CommandContext
from easyphoto.cli.persons import person_facts
from easyphoto.cli.terminal import CommandResult, failure_line, indented, table_head
from easyphoto.domain import (
    KEEP,
    ModelFamily,
    PhotoReport,
    PortraitRequest,
    QuickRequest,
    SavedPortrait,
    TrainRequest,
)
from easyphoto.errors import BadRequest, EasyPhotoError
from easyphoto.locales import Message, message
from easyphoto.paths import Paths, default_root
from easyphoto.ui.i18n import Translator

if TYPE_CHECKING:
    from rich.console import Console

    from easyphoto.portrait.batch import PortraitBatch
    from easyphoto.studio import Studio

SOMETHING_MISSING, PART_FAILED = 4, 6


def train(arguments: Namespace, context: CommandContext) -> CommandResult:
    """Photos in, a person out; ``--check`` only looks at the photos."""
    continued = getattr(arguments, "continue_from", "")
    photos = photos_of(arguments.photos, arguments.keep, arguments.drop, can_be_none=bool(continued))
    if arguments.check:
        reports = context.studio.check_photos(photos, context.report)
        return CommandResult({"photos": [_report(report) for report in reports]}, table=_verdicts(reports))
    changes = chosen(arguments, TrainRequest) | {"person": arguments.name, "consent": arguments.consent}
    request = TrainRequest.for_family(_family(arguments, context), **changes)
    trained = context.studio.train(request, photos, context.report)
    if trained.person is None:
        raise BadRequest("training.no-person", stage="training")
    person = trained.person
    data = {
        "person": person_facts(person),
        "photos": [_report(report) for report in trained.reports],
        "losses": trained.losses,
        "distance_by_step": trained.distance_by_step,
        "votes": trained.votes,
        "seconds": trained.seconds,
        "warnings": _json(trained.warnings),
        "notes": _json(trained.notes),
    }
    made = message("cli.trained", name=person.name, id=person.id)
    lines = (*trained.warnings, *trained.notes, made)
    return CommandResult(data, lines, _verdicts(trained.reports))


def portrait(arguments: Namespace, context: CommandContext) -> CommandResult:
    """The person in every template; a template that fails leaves the others whole."""
    persons = tuple(KEEP if person == "-" else person for person in arguments.person)
    request = PortraitRequest.for_family(
        _family(arguments, context), persons=persons, **chosen(arguments, PortraitRequest)
    )
    templates = templates_of(arguments.template, request.from_text)
    return _made(context.studio.portrait(request, templates, context.report, arguments.out, context.on_result))


def quick(arguments: Namespace, context: CommandContext) -> CommandResult:
    """Portraits from photos alone; nothing else that is made of the photos stays."""
    photos = photos_of(arguments.photos, arguments.keep, arguments.drop)
    wanted = chosen(arguments, PortraitRequest)
    family = _family(arguments, context)
    adapter = context.studio.engine.identity_adapter(family)
    request = QuickRequest.for_family(family, arguments.consent, adapter, **wanted)
    templates = templates_of(arguments.template, request.portrait.from_text)
    done = context.studio.quick(request, photos, templates, context.report, arguments.out, context.on_result)
    made = _made(done.batch)
    data = {
        **made.data,
        "photos": [_report(report) for report in done.reports],
        "warnings": [one.as_json() for one in done.warnings],
    }
    return CommandResult(data, (*done.warnings, *made.lines), _verdicts(done.reports), made.code)


def _made(batch: PortraitBatch) -> CommandResult:
    """Portraits and failures of a batch. Raises the first failure where there is no portrait at all."""
    if batch.failures and not batch.portraits:
        raise batch.failures[0]
    data = {
        "portraits": [portrait_facts(done) for done in batch.portraits],
        "failures": [failure.as_json() for failure in batch.failures],
    }
    lines = _listed(batch.portraits)
    lines += [not_made(failure) for failure in batch.failures]
    return CommandResult(data, lines, code=PART_FAILED if batch.failures else 0)


def with_finished(result: CommandResult, finished: Sequence[SavedPortrait]) -> CommandResult:
    """A failure that also names the portraits that were saved before it."""
    if not finished:
        return result
    data = {**result.data, "portraits": [portrait_facts(done) for done in finished]}
    return replace(result, data=data, lines=[*_listed(finished), *result.lines])


def _json(told: Sequence[Message]) -> list[dict[str, Any]]:
    return [one.as_json() for one in told]


def _report(photo: PhotoReport) -> dict[str, Any]:
    return {**asdict(photo), "reasons": _json(photo.reasons)}


def portrait_facts(done: SavedPortrait) -> dict[str, Any]:
    """A portrait as JSON."""
    scores = [{**asdict(score), "word": str(score.level.message)} for score in done.scores]
    named = {"file": str(done.file), "template": done.template, "seed": done.seed}
    return {
        **named,
        "likeness": scores,
        "notes": _json(done.notes),
        "seconds": done.seconds,
        "infotext": done.infotext,
    }


def models(arguments: Namespace, context: CommandContext) -> CommandResult:
    """Base models that can be asked for by name."""
    known = context.studio.engine.checkpoints()
    rows: list[Sequence[Message | str]] = [
        table_head("name", "family", "file"),
        *((c.name, c.family.value, str(c.file or "")) for c in known),
    ]
    return CommandResult({"models": [asdict(checkpoint) for checkpoint in known]}, table=rows)


def ui(arguments: Namespace, studio: Studio, beside: Console) -> CommandResult:
    """The window in the browser, until Ctrl-C."""
    from easyphoto.api.access import LOOPBACK
    from easyphoto.api.server import Address, serve

    given = arguments.token_file.read_text(encoding="utf-8").strip() if arguments.token_file else arguments.token
    say = Translator(arguments.language)
    token = given or os.environ.get("EASYPHOTO_TOKEN", "")
    token = token or ("" if arguments.host in LOOPBACK else secrets.token_urlsafe(16))

    def ready(url: str) -> None:
        beside.print(say.text("cli.serving", url=url), markup=False, highlight=False, soft_wrap=True)
        if beside.is_terminal and not arguments.no_browser:
            webbrowser.open(url)

    with suppress(KeyboardInterrupt):
        serve(studio, Address(arguments.host, arguments.port, token), ready)
    return CommandResult({"stopped": True}, [message("cli.stopped")])


def doctor(data: Path | None) -> CommandResult:
    """All findings; needs no studio, since that is what may be broken."""
    from easyphoto.diagnostics import MISSING, diagnose

    findings = list(diagnose(Paths(data or default_root())))
    rows = [("", "", "", ""), *((f.title, f.level, f.found, f.todo) for f in findings)]
    missing = [finding.title for finding in findings if finding.state == MISSING]
    said = message("cli.missing", names=missing) if missing else message("cli.complete")
    facts = {"ok": not missing, "findings": [finding.as_json() for finding in findings]}
    return CommandResult(facts, ["", said], rows, code=SOMETHING_MISSING if missing else 0)


# ---------------------------------------------------------------- small parts


def _family(arguments: Namespace, context: CommandContext) -> ModelFamily:
    """The family of the base model asked for, whose defaults apply."""
    name = getattr(arguments, "base_model", TrainRequest().base_model)
    return context.studio.engine.checkpoint(name).family


def _rows(head: Sequence[Message | str], rows: Iterable[Sequence[Message | str]]) -> list[Sequence[Message | str]]:
    return [head, *rows]


def _verdicts(reports: tuple[PhotoReport, ...]) -> list[tuple[Message | str, ...]]:
    rows: list[tuple[Message | str, ...]] = [table_head("photo", "verdict", "distance", "reasons")]
    for report in reports:
        distance = "" if report.distance is None else f"{report.distance:.2f}"
        reasons = message("plain", text=list(report.reasons)) if report.reasons else ""
        rows.append((report.name, report.verdict.message, distance, reasons))
    return rows


def _listed(portraits: Sequence[SavedPortrait]) -> list[Message | str]:
    """Each file with its details below."""
    listed: list[Message | str] = []
    for done in portraits:
        listed += [str(done.file), *details(done)]
    return listed


def details(done: SavedPortrait) -> list[Message]:
    """Likeness, quality and notes of a portrait, indented below its file."""
    scores = [
        message("cli.distance", before=one.before, after=one.after, level=one.level.message) for one in done.scores
    ]
    quality = [message("cli.quality", value=one.quality.value) for one in done.scores if one.quality is not None]
    return [indented(line) for line in (*scores, *quality, *done.notes)]


def not_made(failure: EasyPhotoError) -> Message:
    """The line of a template that failed."""
    return message("cli.not-made", why=failure_line(failure))
