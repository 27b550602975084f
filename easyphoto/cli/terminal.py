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
from easyphoto.locales import Message, catalogue, message, plain
from easyphoto.printable import printable
from easyphoto.progress import Cancelled, Step
from easyphoto.ui.i18n import Translator, stage_key

QUIET_SECONDS = 10.0
PIPE_COLUMNS = 160
YES = ("y", "yes", "是")
ENGLISH = Translator()


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
def cancel_on_interrupt(console: Console, say: Translator) -> Iterator[CancelToken]:
    """Inside, the first Ctrl-C or SIGTERM lets the work stop cleanly, the second one breaks it off."""
    stop = CancelToken()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True
        console.print(say.text("cli.stopping"))

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class ProgressBars:
    """One bar a stage, for a terminal."""

    def __init__(self, bars: Progress, say: Translator) -> None:
        self._bars = bars
        self._say = say
        self._tasks: dict[str, TaskID] = {}

    def show(self, step: Step) -> None:
        """Draw it. The first one begins the drawing, so that a question can be asked before."""
        self._bars.start()
        if step.stage not in self._tasks:
            self._tasks[step.stage] = self._bars.add_task(
                escape(self._say.stage(step.stage)), total=step.total or None, said=""
            )
        words = [self._say.message(step.note), figures(step.figures, self._say)]
        said = escape(printable(" ".join(filter(None, words))))
        self._bars.update(self._tasks[step.stage], completed=step.done, total=step.total or None, said=said)


@dataclass
class ProgressLines:
    """One line a stage and then one every ten seconds, for logs and pipes."""

    console: Console
    say: Translator = ENGLISH
    clock: Callable[[], float] = time.monotonic
    _said: dict[str, tuple[float, bool]] = field(default_factory=dict)

    def show(self, step: Step) -> None:
        """Print it, unless this stage spoke a moment ago and has not just come to its end."""
        now, (last, over) = self.clock(), self._said.get(step.stage, (float("-inf"), False))
        finished = step.total > 0 and step.done >= step.total
        if (finished and not over) or now - last >= QUIET_SECONDS:
            self._said[step.stage] = (now, finished)
            count = f"{step.done}/{step.total}" if step.total else ""
            words = [self.say.stage(step.stage), count, self.say.message(step.note), figures(step.figures, self.say)]
            self.console.print(printable(" ".join(filter(None, words))), markup=False, highlight=False)


def figures(values: Mapping[str, float], say: Translator) -> str:
    """``loss 0.0123``; a figure without a word of its own under its name."""
    words = catalogue(say.language)
    return " ".join(f"{words.get(f'figures.{name}', name)} {value:.4g}" for name, value in values.items())


@contextmanager
def progress(console: Console, say: Translator, quiet: bool = False) -> Iterator[Callable[[Step], None]]:
    """A Progress callable that draws and that Ctrl-C stops."""
    with cancel_on_interrupt(console, say) as stop:
        if quiet:
            yield lambda step: stop.check()
        elif console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            bars = Progress(*columns, TextColumn("{task.fields[said]}"), console=console)
            try:
                yield _drawing(ProgressBars(bars, say).show, stop)
            finally:
                bars.stop()
        else:
            yield _drawing(ProgressLines(console, say).show, stop)


def _drawing(show: Callable[[Step], None], stop: CancelToken) -> Callable[[Step], None]:
    def report(step: Step) -> None:
        stop.check()
        show(step)

    return report


def can_ask(console: Console) -> bool:
    """Whether somebody sits at a terminal who sees a question and can answer it."""
    return console.is_terminal and sys.stdin.isatty()


def ask(question: Message, console: Console, say: Translator) -> bool:
    """The answer to a question of yes or no; anything but a yes, and the end of the input, is a no.

    Ctrl-C raises KeyboardInterrupt at once: nothing runs yet that would have to stop cleanly.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        console.print(printable(say.message(question)), markup=False, highlight=False, soft_wrap=True, end=" ")
        return sys.stdin.readline().strip().lower() in YES
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass(frozen=True)
class CommandResult:
    """What a command gives back: `data` for ``--json``, `lines` and `table` for people, an exit code."""

    data: Mapping[str, Any]
    lines: Sequence[Message | str] = ()
    table: Sequence[Sequence[Message | str]] = ()  # the first row is the head
    code: int = 0


def show(answer: CommandResult, as_json: bool, console: Console, say: Translator = ENGLISH) -> None:
    """Write it to standard output."""
    if as_json:
        written = json.dumps(answer.data, ensure_ascii=False, indent=2, default=str)
        sys.stdout.write(printable(written, keep="\n") + "\n")
        return
    if answer.table:
        table = Table(box=None, pad_edge=False, show_header=any(answer.table[0]))
        for head in answer.table[0]:
            table.add_column(say.message(head), overflow="fold")
        for row in answer.table[1:]:
            table.add_row(*(escape(printable(say.message(cell))) for cell in row))
        console.print(table)
    for line in answer.lines:
        console.print(printable(say.message(line)), markup=False, highlight=False, soft_wrap=True)


def table_head(*names: str) -> tuple[Message, ...]:
    """The words of a table's columns."""
    return tuple(Message(f"cli.table.{name}") for name in names)


def indented(line: Message | str) -> Message:
    """A line that belongs to the one above it."""
    return message("cli.indented", line=line)


def failure_line(error: EasyPhotoError) -> Message:
    """Stage, problem, file and remedy in one line."""
    problem, remedy = error.messages()
    file = [plain(f"[{error.file}]")] if error.file else []
    return message("plain", text=[_staged(error, problem), *file, *([remedy] if remedy.text() else [])])


def _staged(error: EasyPhotoError, problem: Message) -> Message:
    if not error.stage:
        return problem
    key = stage_key(error.stage)
    return message("cli.stage", step=Message(key) if key in catalogue("en") else error.stage, problem=problem)


def error_result(error: EasyPhotoError, code: int) -> CommandResult:
    """The same for a failure; the lines go to standard error."""
    problem, remedy = error.messages()
    lines: list[Message | str] = [_staged(error, problem)]
    lines += [indented(message("cli.file", path=error.file))] if error.file else []
    lines += [indented(line) for line in getattr(error, "last_lines", ())]
    lines += [indented(remedy)] if remedy.text() else []
    return CommandResult({"error": error.as_json(), "exit_code": code}, lines, code=code)
