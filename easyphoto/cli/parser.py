"""The commands with their options, in the user's language."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from easyphoto import __version__
from easyphoto.cli import commands, persons
from easyphoto.cli.arguments import add_options
from easyphoto.cli.context import CommandContext
from easyphoto.cli.terminal import CommandResult
from easyphoto.domain import PortraitRequest, TrainRequest
from easyphoto.locales import LANGUAGES
from easyphoto.providers import BUILTIN
from easyphoto.ui.i18n import Translator

Handler = Callable[[argparse.Namespace, CommandContext], CommandResult]

LANGUAGE_SETTING = "EASYPHOTO_LANGUAGE"
"""Environment variable; ``--language`` goes before it."""


def language_of(arguments: Sequence[str] | None) -> str:
    """The language asked for, before anything else of the command line is read; English for one that is unknown.

    The parser itself refuses the unknown one, and needs a language to do so.
    """
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--language", default=_default_language())
    try:
        asked = str(first.parse_known_args(arguments)[0].language)
    except SystemExit:  # the option without a value
        asked = ""
    return asked if asked in LANGUAGES else "en"


def _default_language() -> str:
    return os.environ.get(LANGUAGE_SETTING) or "en"


class CommandParser(argparse.ArgumentParser):
    """An ArgumentParser whose own words are in the user's language too."""

    def __init__(self, prog: str | None = None, *, say: Translator, add_help: bool = True, **named: Any) -> None:
        super().__init__(prog, add_help=False, formatter_class=_HelpFormatter, **named)
        self.say = say
        if add_help:  # the titles stay argparse's until the parents' groups are merged by them
            self._positionals.title, self._optionals.title = say.text("cli.arguments"), say.text("cli.common")
            self.add_argument("-h", "--help", action="help", default=argparse.SUPPRESS, help=say.text("cli.help.help"))

    def format_usage(self) -> str:
        """With its first word in the user's language."""
        return self._translated(super().format_usage())

    def format_help(self) -> str:
        """With its first word in the user's language."""
        return self._translated(super().format_help())

    def _translated(self, said: str) -> str:
        return self.say.text("cli.usage") + said.removeprefix("usage: ")

    def option(self, flag: str, key: str, **named: Any) -> None:
        """An option or argument with its help from the catalogue."""
        self.add_argument(flag, help=self.say.text(key).replace("%", "%%"), **named)

    def file(self, flag: str, key: str, **named: Any) -> None:
        """An option that takes a path, or several."""
        self.option(flag, key, type=Path, **named)


class _HelpFormatter(argparse.HelpFormatter):
    """Breaks lines by cells of the terminal, since Chinese has no spaces and two cells a character."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return [line.plain.rstrip() for line in Text(" ".join(text.split())).wrap(Console(width=width), width)]


def parser(language: str = "en") -> argparse.ArgumentParser:
    """Every command with its options."""
    say = Translator(language)
    root = CommandParser("easyphoto", description=say("tagline"), say=say)
    version = f"easyphoto {__version__}"
    root.add_argument("--version", action="version", version=version, help=say.text("cli.help.version"))
    _add_language(root, _default_language())
    children = _children(root, "command")
    common = _common(say)

    def command(name: str, key: str) -> CommandParser:
        return children.add_parser(name, parents=[common], help=say.text(key))

    _demo(command("demo", "cli.help.demo"))
    _ui(command("ui", "cli.help.ui"))
    _train(command("train", "cli.help.train"))
    _portrait(command("portrait", "cli.help.portrait"))
    _quick(command("quick", "cli.help.quick"))
    _batch(command("batch", "cli.help.batch"))
    _persons(children.add_parser("persons", help=say.text("cli.help.persons")), common)
    _weights(children.add_parser("weights", help=say.text("cli.help.weights")), common)
    listed = command("models", "cli.help.models")
    listed.add_argument("action", nargs="?", choices=("list",), default="list")
    listed.set_defaults(handler=commands.models)
    command("doctor", "cli.help.doctor")
    return root


def _children(one: CommandParser, dest: str) -> argparse._SubParsersAction[CommandParser]:
    """Room for commands whose parsers speak the same language; typeshed wants a class where any factory will do."""
    made: Any = partial(CommandParser, say=one.say)
    return one.add_subparsers(dest=dest, required=True, metavar=dest.upper(), parser_class=made)


def _common(say: Translator) -> CommandParser:
    common = CommandParser(say=say, add_help=False)
    common.option("--json", "cli.help.json", action="store_true")
    common.file("--data", "cli.help.data", metavar="DIR")
    common.option("--engine", "cli.help.engine", default="diffusers", metavar="NAME")
    _add_language(common, argparse.SUPPRESS)
    common.option("--debug", "cli.help.debug", action="store_true")
    return common


def _add_language(one: CommandParser, default: str) -> None:
    said = one.say.text("cli.help.language", languages=list(LANGUAGES))
    one.add_argument("--language", type=_reader(one.say), default=default, metavar="NAME", help=said)


def _reader(say: Translator) -> Callable[[str], str]:
    def language(given: str) -> str:
        if given not in LANGUAGES:
            raise argparse.ArgumentTypeError(say.text("cli.no-language", name=given, names=list(LANGUAGES)))
        return given

    return language


def _demo(one: CommandParser) -> None:
    one.file("--photos", "cli.help.demo.photos", nargs="+", default=[], metavar="DIR")
    one.file("--template", "cli.help.demo.template", nargs="+", default=[], metavar="FILE")
    one.file("--out", "cli.help.demo.out", metavar="DIR")
    one.option("--consent", "cli.help.demo.consent", action="store_true")
    add_options(one, TrainRequest, one.say, but=("person", "consent"))


def _ui(one: CommandParser) -> None:
    one.option("--host", "cli.help.ui.host", default="127.0.0.1")
    one.option("--faces", "cli.help.ui.faces", default=BUILTIN, metavar="NAME")
    one.option("--port", "cli.help.ui.port", type=int, default=7861)
    one.option("--token", "cli.help.ui.token", default="")
    one.file("--token-file", "cli.help.ui.token-file", metavar="FILE")
    one.option("--no-browser", "cli.help.ui.no-browser", action="store_true")


def _train(one: CommandParser) -> None:
    one.option("--name", "cli.help.train.name", required=True)
    one.file("--photos", "cli.help.train.photos", nargs="*", required=True, metavar="DIR")
    one.option("--consent", "cli.help.train.consent", action="store_true")
    one.option("--check", "cli.help.train.check", action="store_true")
    _verdicts(one)
    add_options(one, TrainRequest, one.say, but=("person", "consent"))
    one.set_defaults(handler=commands.train)


def _portrait(one: CommandParser) -> None:
    one.option("--person", "cli.help.portrait.person", nargs="+", required=True, metavar="ID")
    _templates(one)
    add_options(one, PortraitRequest, one.say)
    one.set_defaults(handler=commands.portrait)


def _quick(one: CommandParser) -> None:
    one.file("--photos", "cli.help.quick.photos", nargs="+", required=True, metavar="DIR")
    one.option("--consent", "cli.help.quick.consent", action="store_true")
    _verdicts(one)
    _templates(one)
    add_options(one, PortraitRequest, one.say, but=("lora_weight",))
    one.set_defaults(handler=commands.quick)


def _on_batch(arguments: argparse.Namespace, context: CommandContext) -> CommandResult:
    from easyphoto.cli.batch import batch  # other commands need not wait for it

    return batch(arguments, context)


def _batch(one: CommandParser) -> None:
    one.file("plan", "cli.help.batch.plan", metavar="CSV")
    one.file("--out", "cli.help.batch.out", metavar="DIR")
    one.option("--ray", "cli.help.batch.ray", default="", metavar="ADDRESS")
    one.set_defaults(handler=_on_batch)


def _verdicts(one: CommandParser) -> None:
    one.option("--keep", "cli.help.keep", nargs="+", default=[], metavar="PHOTO")
    one.option("--drop", "cli.help.drop", nargs="+", default=[], metavar="PHOTO")


def _templates(one: CommandParser) -> None:
    one.file("--template", "cli.help.template", nargs="+", default=[], metavar="FILE")
    one.file("--out", "cli.help.out", metavar="DIR")


def _persons(one: CommandParser, common: CommandParser) -> None:
    children = _children(one, "action")

    def action(name: str, handler: Handler, key: str) -> CommandParser:
        child = children.add_parser(name, parents=[common], help=one.say.text(key))
        child.set_defaults(handler=handler)
        return child

    action("list", persons.list_persons, "cli.help.persons.list")
    action("show", persons.show_person, "cli.help.persons.show").add_argument("id", metavar="ID")
    rename = action("rename", persons.rename_person, "cli.help.persons.rename")
    rename.add_argument("id", metavar="ID")
    rename.add_argument("name", metavar="NAME")
    remove = action("remove", persons.remove_person, "cli.help.persons.remove")
    remove.add_argument("id", metavar="ID")
    remove.option("--yes", "cli.help.persons.yes", action="store_true")
    export = action("export", persons.export_person, "cli.help.persons.export")
    export.add_argument("id", metavar="ID")
    export.add_argument("file", type=Path, metavar="ZIP")
    imported = action("import", persons.import_person, "cli.help.persons.import")
    imported.add_argument("file", type=Path, metavar="ZIP")


def _on_weights(arguments: argparse.Namespace, context: CommandContext) -> CommandResult:
    from easyphoto.cli.weights import ACTIONS  # other commands need not wait for it

    return ACTIONS[arguments.action](arguments, context)


def _weights(one: CommandParser, common: CommandParser) -> None:
    children = _children(one, "action")

    def action(name: str) -> CommandParser:
        child = children.add_parser(name, parents=[common], help=one.say.text(f"cli.help.weights.{name}"))
        child.set_defaults(handler=_on_weights)
        child.file("--webui", "cli.help.weights.webui", metavar="DIR")
        return child

    listed = action("list")
    listed.option("names", "cli.help.weights.names", nargs="*", metavar="NAME")
    listed.option("--markdown", "cli.help.weights.markdown", action="store_true")
    fetch = action("fetch")
    fetch.option("names", "cli.help.weights.names", nargs="+", metavar="NAME")
    fetch.option("--yes", "cli.help.weights.yes", action="store_true")
    fetch.option("--offline", "cli.help.weights.offline", action="store_true")
    fetch.option("--commercial-safe", "cli.help.weights.commercial-safe", action="store_true")
    action("verify").option("names", "cli.help.weights.names", nargs="*", metavar="NAME")
    action("import").file("folder", "cli.help.weights.folder", metavar="DIR")
    path = action("path")
    path.option("name", "cli.help.weights.name", metavar="ID")
    path.option("--commercial-safe", "cli.help.weights.commercial-safe", action="store_true")
