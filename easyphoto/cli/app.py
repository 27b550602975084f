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
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from easyphoto import __version__, errors
from easyphoto.cli import commands
from easyphoto.cli.arguments import add_options
from easyphoto.cli.terminal import (
    CommandResult,
    console,
    error_result,
    progress,
    show,
    silence_libraries,
    start_logging,
    use_utf8,
)
from easyphoto.domain import Portrait, PortraitRequest, TrainRequest
from easyphoto.locales import text
from easyphoto.paths import default_root
from easyphoto.progress import Cancelled
from easyphoto.providers import BUILTIN
from easyphoto.system_errors import failure_of

if TYPE_CHECKING:
    from easyphoto.studio import Studio

OpenStudio = Callable[[Path | None], "Studio"]
Handler = Callable[[argparse.Namespace, commands.CommandContext], CommandResult]

UNEXPECTED, CANCELLED = 1, 130
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
    given = parser().parse_args(arguments)
    start_logging(given.debug)
    if not given.debug:
        silence_libraries()
    errors_to = console(stderr=True)
    answer, failed = attempt(given, open_studio or partial(_local, given), errors_to)
    show(answer, given.json, errors_to if failed else console())
    return answer.code


def yield_processor() -> None:
    """Let torch's threads sleep while they wait for one another; spinning, they starve everything else on few cores.

    OpenMP reads this when it is loaded, so it is said before any command brings torch.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def attempt(given: argparse.Namespace, open_studio: OpenStudio, beside: Console) -> tuple[CommandResult, bool]:
    """The command's answer, or what went wrong and True; portraits that are finished are listed in both."""
    finished: list[Portrait] = []
    try:
        return _run(given, open_studio, beside, finished), False
    except (Cancelled, KeyboardInterrupt):
        stopped = CommandResult({"cancelled": True, "exit_code": CANCELLED}, [text("cli.cancelled")], code=CANCELLED)
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
    given: argparse.Namespace, open_studio: OpenStudio, beside: Console, finished: list[Portrait]
) -> CommandResult:
    if given.command == "doctor":
        return commands.doctor(given.data)
    if given.command == "ui":
        return commands.ui(given, open_studio(given.data), beside)
    with progress(beside, quiet=given.json and not beside.is_terminal) as report:
        if given.command == "demo":
            from easyphoto.demo.run import demo

            return demo(given, open_studio, report)
        handler: Handler = given.handler
        return handler(given, commands.CommandContext(open_studio(given.data), report, finished))


def _local(given: argparse.Namespace, root: Path | None) -> Studio:
    from easyphoto.studio import Studio

    return Studio.local(root, given.engine, getattr(given, "faces", BUILTIN))


# ---------------------------------------------------------------- the parser


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    root = argparse.ArgumentParser("easyphoto", description="A few selfies in, studio portraits of that person out.")
    root.add_argument("--version", action="version", version=f"easyphoto {__version__}")
    children = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = _common()
    _demo(children.add_parser("demo", parents=[common], help="the whole way on sample pictures, with a report"))
    _ui(children.add_parser("ui", parents=[common], help="the same in a window of the browser"))
    _train(
        children.add_parser(
            "train", parents=[common], help="photos to a person; with a LoRA where the base model needs one"
        )
    )
    _portrait(children.add_parser("portrait", parents=[common], help="that person in templates"))
    _quick(children.add_parser("quick", parents=[common], help="portraits from photos alone, without a training"))
    _persons(children.add_parser("persons", help="who is trained"), common)
    listed = children.add_parser("models", parents=[common], help="base models that can be used")
    listed.add_argument("action", nargs="?", choices=("list",), default="list")
    listed.set_defaults(handler=commands.models)
    children.add_parser("doctor", parents=[common], help="what is installed and what is missing")
    return root


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="one JSON document on standard output")
    common.add_argument("--data", type=Path, metavar="DIR", help="data folder instead of the usual one")
    common.add_argument("--engine", default="diffusers", metavar="NAME", help="what paints; default diffusers")
    common.add_argument("--debug", action="store_true", help="log everything, with tracebacks")
    return common


def _demo(one: argparse.ArgumentParser) -> None:
    one.add_argument("--photos", type=Path, nargs="+", default=[], metavar="DIR", help="your photos, not the samples")
    one.add_argument("--template", type=Path, nargs="+", default=[], metavar="FILE", help="your templates")
    one.add_argument("--out", type=Path, metavar="DIR", help="where the report goes")
    one.add_argument("--consent", action="store_true", help="with --photos: the person shown has agreed")
    add_options(one, TrainRequest, but=("person", "consent"))


def _ui(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; others than this machine's need a token"
    )
    one.add_argument("--port", type=int, default=7861, help="0 takes a free one; default 7861")
    one.add_argument("--token", default="", help="what a browser must know, shown by ps; made up where one is needed")
    one.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="holds it; so may EASYPHOTO_TOKEN in the environment",
    )
    one.add_argument("--no-browser", action="store_true", help="open no browser")
    one.add_argument("--faces", default=BUILTIN, metavar="NAME", help="the face toolbox of requests that name none")


def _train(one: argparse.ArgumentParser) -> None:
    one.add_argument("--name", required=True, help="the person's name, any script")
    one.add_argument("--photos", type=Path, nargs="+", required=True, metavar="DIR", help="folders or picture files")
    one.add_argument("--consent", action="store_true", help="the person shown has agreed to this training")
    one.add_argument("--check", action="store_true", help="only check the photos, train nothing")
    one.add_argument("--keep", nargs="+", default=[], metavar="PHOTO", help="use these whatever the check says")
    one.add_argument("--drop", nargs="+", default=[], metavar="PHOTO", help="leave these out")
    add_options(one, TrainRequest, but=("person", "consent"))
    one.set_defaults(handler=commands.train)


def _portrait(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--person", nargs="+", required=True, metavar="ID", help="for the faces from left to right; - keeps a face"
    )
    one.add_argument("--template", type=Path, nargs="+", required=True, metavar="FILE", help="files or folders")
    one.add_argument("--out", type=Path, metavar="DIR", help="folder for the portraits")
    add_options(one, PortraitRequest)
    one.set_defaults(handler=commands.portrait)


def _quick(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--photos",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="files or folders; of more than 15 the best",
    )
    one.add_argument("--template", type=Path, nargs="+", required=True, metavar="FILE", help="files or folders")
    one.add_argument("--consent", action="store_true", help="the person shown has agreed to these portraits")
    one.add_argument("--keep", nargs="+", default=[], metavar="PHOTO", help="use these whatever the check says")
    one.add_argument("--drop", nargs="+", default=[], metavar="PHOTO", help="leave these out")
    one.add_argument("--out", type=Path, metavar="DIR", help="folder for the portraits")
    add_options(one, PortraitRequest, but=("lora_weight",))
    one.set_defaults(handler=commands.quick)


def _persons(one: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    children = one.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, handler: Handler, text: str) -> argparse.ArgumentParser:
        child = children.add_parser(name, parents=[common], help=text)
        child.set_defaults(handler=handler)
        return child

    action("list", commands.list_persons, "everybody who is trained")
    action("show", commands.show_person, "one person in full").add_argument("id", metavar="ID")
    rename = action("rename", commands.rename_person, "another display name")
    rename.add_argument("id", metavar="ID")
    rename.add_argument("name", metavar="NAME")
    remove = action("remove", commands.remove_person, "delete every file of a person")
    remove.add_argument("id", metavar="ID")
    remove.add_argument("--yes", action="store_true", help="do it")
    export = action("export", commands.export_person, "everything of a person into one zip")
    export.add_argument("id", metavar="ID")
    export.add_argument("file", type=Path, metavar="ZIP")
    action("import", commands.import_person, "a person out of such a zip").add_argument(
        "file", type=Path, metavar="ZIP"
    )
