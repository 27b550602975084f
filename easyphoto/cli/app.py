"""The console program: ``easyphoto COMMAND``, ``python -m easyphoto COMMAND``, ``python start.py COMMAND``.

Exit codes: 0 done, 1 unexpected failure, 2 the request cannot be fulfilled as asked, 3 a photo or
template cannot be used, 4 a model or package is missing or damaged, 5 training or rendering failed,
6 some templates failed and the others are done, 7 the system refuses (no room, no right to write, no memory, too many
open files), 130 cancelled.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from easyphoto import errors
from easyphoto.cli import commands
from easyphoto.cli.context import CommandContext
from easyphoto.cli.parser import Handler, language_of, parser
from easyphoto.cli.terminal import (
    CommandResult,
    ask,
    can_ask,
    console,
    error_result,
    progress,
    show,
    silence_libraries,
    start_logging,
    use_utf8,
)
from easyphoto.domain import SavedPortrait
from easyphoto.locales import message
from easyphoto.paths import Paths, default_root
from easyphoto.private_files import temporary_files_in
from easyphoto.progress import Cancelled
from easyphoto.providers import BUILTIN
from easyphoto.system_errors import failure_of
from easyphoto.ui.i18n import Translator

if TYPE_CHECKING:
    from easyphoto.studio import Studio

OpenStudio = Callable[[Path | None], "Studio"]

UNEXPECTED, CANCELLED = 1, 130
WORKING = ("demo", "ui", "train", "portrait", "quick", "batch")
"""Commands that load libraries which write temporary files; the others also do where nothing can be written."""
PACKAGES = ("easyphoto", "kohya_train", "builtin_model")
CODES: tuple[tuple[type[errors.EasyPhotoError], int], ...] = (
    (errors.MissingModel, 4),
    (errors.MissingPackage, 4),
    (errors.BadModel, 4),
    (errors.BadPicture, 3),
    (errors.TrainingFailed, 5),
    (errors.RenderFailed, 5),
    (errors.SystemRefusal, 7),
    (errors.Locked, 7),
    (errors.EasyPhotoError, 2),
)
"""The first kind that fits decides."""

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None, open_studio: OpenStudio | None = None) -> int:
    """Run one command; its exit code."""
    use_utf8()
    yield_processor()
    given = parser(language_of(arguments)).parse_args(arguments)
    start_logging(given.debug)
    if not given.debug:
        silence_libraries()
    errors_to = console(stderr=True)
    answer, failed = attempt(given, open_studio or partial(_local, given), errors_to)
    say = Translator(given.language)
    try:
        show(answer, given.json, errors_to if failed else console(), say)
        sys.stdout.flush()
    except OSError as error:
        answer = _unshown(error, answer)
        show(answer, False, errors_to, say)
    return answer.code


def _unshown(error: OSError, answer: CommandResult) -> CommandResult:
    """What to say where standard output takes nothing: a full disk below it, or nobody who reads any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python tries again at its end
    if isinstance(error, BrokenPipeError):
        return CommandResult({}, code=answer.code)
    failure = failure_of(error, stage="output") or errors.EasyPhotoError("defect", stage="output", why=str(error))
    return error_result(failure, code_of(failure))


def yield_processor() -> None:
    """Let torch's threads sleep while they wait for one another; spinning, they starve everything else on few cores.

    OpenMP reads this when it is loaded, so it is said before any command brings torch.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def attempt(given: argparse.Namespace, open_studio: OpenStudio, beside: Console) -> tuple[CommandResult, bool]:
    """The command's answer, or what went wrong and True; portraits that are finished are listed in both."""
    finished: list[SavedPortrait] = []
    try:
        return _run(given, open_studio, beside, finished), False
    except (Cancelled, KeyboardInterrupt):
        said = [message("cli.cancelled")]
        stopped = CommandResult({"cancelled": True, "exit_code": CANCELLED}, said, code=CANCELLED)
        return commands.with_finished(stopped, finished), True
    except Exception as error:  # the program's edge: the user gets a sentence, --debug the rest
        log.debug("failed", exc_info=True)
        return commands.with_finished(_failed(error, given), finished), True


def _failed(error: Exception, given: argparse.Namespace) -> CommandResult:
    if failure := failure_of(error, _likely(given), given.command):
        return error_result(failure, code_of(failure))
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] not in PACKAGES:
        missing = errors.MissingPackage("package.missing", name=error.name)
        return error_result(missing, code_of(missing))
    defect = errors.EasyPhotoError("defect", stage=given.command, why=f"{type(error).__name__}: {error}")
    return error_result(defect, UNEXPECTED)


def _likely(given: argparse.Namespace) -> tuple[Path, ...]:
    """Where a command writes; for refusals of the system that name no file."""
    return given.data or default_root(), Path(tempfile.gettempdir())


def code_of(error: errors.EasyPhotoError) -> int:
    """Exit code of a failure."""
    return next(code for kind, code in CODES if isinstance(error, kind))


def _run(
    given: argparse.Namespace, open_studio: OpenStudio, beside: Console, finished: list[SavedPortrait]
) -> CommandResult:
    if given.command == "doctor":
        return commands.doctor(given.data)
    if given.command not in WORKING:
        return _work(given, open_studio, beside, finished)
    with temporary_files_in(Paths(given.data or default_root()).temporary):
        return _work(given, open_studio, beside, finished)


def _work(
    given: argparse.Namespace, open_studio: OpenStudio, beside: Console, finished: list[SavedPortrait]
) -> CommandResult:
    if given.command == "ui":
        return commands.ui(given, open_studio(given.data), beside)
    quiet, say = given.json and not beside.is_terminal, Translator(given.language)
    ask_here = partial(ask, console=beside, say=say) if can_ask(beside) else None
    with progress(beside, say, quiet) as report:
        if given.command == "demo":
            from easyphoto.demo.run import demo

            return demo(given, open_studio, report)
        handler: Handler = given.handler
        return handler(given, CommandContext(open_studio(given.data), report, finished, ask_here))


def _local(given: argparse.Namespace, root: Path | None) -> Studio:
    from easyphoto.studio import Studio

    return Studio.local(root, given.engine, getattr(given, "faces", BUILTIN))
