"""What a command shows: progress while it works, its result at the end, and how it is stopped."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from easyphoto.errors import EasyPhotoError
from easyphoto.locales import text
from easyphoto.printable import printable
from easyphoto.progress import Cancelled, Step

QUIET_SECONDS = 10.0
PIPE_COLUMNS = 160


def use_utf8() -> None:
    """Names in any script on a Windows console too."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")


def console(stderr: bool = False) -> Console:
    """Of the terminal's width, or wide enough for tables in a pipe."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else PIPE_COLUMNS)


class LogFormatter(logging.Formatter):
    """Whatever name a line holds, it commands no terminal; tracebacks keep their lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Of the message alone line ends are escaped, too."""
        plain = logging.makeLogRecord({**record.__dict__, "msg": printable(record.getMessage()), "args": None})
        return printable(super().format(plain), keep="\n\t")


def start_logging(debug: bool) -> None:
    """To standard error: warnings, or everything."""
    handler = logging.StreamHandler()
    handler.setFormatter(LogFormatter("%(levelname)s %(message)s"))
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, handlers=[handler])


def silence_libraries() -> None:
    """No bars, hints or warnings of the libraries' own between ours; the trainer's process inherits it."""
    warnings.filterwarnings("ignore", module=r"PIL\.")  # of damaged metadata; what matters is said by us
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")


@dataclass
class CancelToken:
    """The user's wish to stop; the next sign of life honours it."""

    asked: bool = False

    def check(self) -> None:
        """Raises Cancelled once the user has asked."""
        if self.asked:
            raise Cancelled


@contextmanager
def cancel_on_interrupt(console: Console) -> Iterator[CancelToken]:
    """Inside, the first Ctrl-C or SIGTERM lets the work stop cleanly, the second one breaks it off."""
    stop = CancelToken()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True
        console.print(text("cli.stopping"))

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class ProgressBars:
    """One bar a stage, for a terminal."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def show(self, step: Step) -> None:
        """Draw it."""
        if step.stage not in self._tasks:
            self._tasks[step.stage] = self._bars.add_task(escape(step.stage), total=step.total or None, said="")
        said = escape(printable(" ".join(filter(None, [str(step.note), figures(step.figures)]))))
        self._bars.update(self._tasks[step.stage], completed=step.done, total=step.total or None, said=said)


@dataclass
class ProgressLines:
    """One line a stage and then one every ten seconds, for logs and pipes."""

    console: Console
    clock: Callable[[], float] = time.monotonic
    _said: dict[str, tuple[float, bool]] = field(default_factory=dict)

    def show(self, step: Step) -> None:
        """Print it, unless this stage spoke a moment ago and has not just come to its end."""
        now, (last, over) = self.clock(), self._said.get(step.stage, (float("-inf"), False))
        finished = step.total > 0 and step.done >= step.total
        if (finished and not over) or now - last >= QUIET_SECONDS:
            self._said[step.stage] = (now, finished)
            count = f"{step.done}/{step.total}" if step.total else ""
            words = [step.stage, count, str(step.note), figures(step.figures)]
            self.console.print(printable(" ".join(filter(None, words))), markup=False, highlight=False)


def figures(values: Mapping[str, float]) -> str:
    """``loss 0.0123``."""
    return " ".join(f"{name} {value:.4g}" for name, value in values.items())


@contextmanager
def progress(console: Console, quiet: bool = False) -> Iterator[Callable[[Step], None]]:
    """A Progress callable that draws and that Ctrl-C stops."""
    with cancel_on_interrupt(console) as stop:
        if quiet:
            yield lambda step: stop.check()
        elif console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            with Progress(*columns, TextColumn("{task.fields[said]}"), console=console) as bars:
                yield _drawing(ProgressBars(bars).show, stop)
        else:
            yield _drawing(ProgressLines(console).show, stop)


def _drawing(show: Callable[[Step], None], stop: CancelToken) -> Callable[[Step], None]:
    def report(step: Step) -> None:
        stop.check()
        show(step)

    return report


@dataclass(frozen=True)
class CommandResult:
    """What a command gives back: `data` for ``--json``, `lines` and `table` for people, an exit code."""

    data: Mapping[str, Any]
    lines: Sequence[str] = ()
    table: Sequence[Sequence[str]] = ()  # the first row is the head
    code: int = 0


def show(answer: CommandResult, as_json: bool, console: Console) -> None:
    """Write it to standard output."""
    if as_json:
        written = json.dumps(answer.data, ensure_ascii=False, indent=2, default=str)
        sys.stdout.write(printable(written, keep="\n") + "\n")
        return
    if answer.table:
        table = Table(box=None, pad_edge=False, show_header=any(answer.table[0]))
        for head in answer.table[0]:
            table.add_column(head, overflow="fold")
        for row in answer.table[1:]:
            table.add_row(*(escape(printable(cell)) for cell in row))
        console.print(table)
    for line in answer.lines:
        console.print(printable(line), markup=False, highlight=False, soft_wrap=True)


def error_result(error: EasyPhotoError, code: int) -> CommandResult:
    """The same for a failure; the lines go to standard error."""
    words = [f"{error.stage}: {error.problem}" if error.stage else error.problem]
    words += [f"  file: {error.file}"] if error.file else []
    words += [f"  {line}" for line in getattr(error, "last_lines", ())]
    words += [f"  {error.remedy}"] if error.remedy else []
    return CommandResult({"error": error.as_json(), "exit_code": code}, words, code=code)
