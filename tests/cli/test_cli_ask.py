"""A question on the terminal before anything is fetched."""

from __future__ import annotations

import io
import os
import pty
import sys
from argparse import Namespace

import pytest
from fake_studio import FakeStudio
from rich.console import Console

from easyphoto.cli import terminal
from easyphoto.cli.context import CommandContext
from easyphoto.cli.weights import fetch_weights
from easyphoto.errors import BadRequest
from easyphoto.locales import Message, message
from easyphoto.progress import Cancelled, silent
from easyphoto.ui.i18n import Translator
from easyphoto.weights import Fetched

FETCH = {"names": ["faces-commercial"], "yes": False, "offline": False, "commercial_safe": False, "webui": None}


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch, tmp_path) -> list[str]:
    names: list[str] = []

    def fetch(store, plan, report, offline) -> Fetched:
        names.extend(file.id for file in plan.download)
        return Fetched()

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("easyphoto.weights.WeightStore.fetch", fetch)
    return names


@pytest.mark.parametrize("answer", [True, False])
def test_the_total_is_said_and_a_yes_is_waited_for(studio: FakeStudio, fetched: list[str], answer: bool):
    asked: list[Message] = []

    def ask(question: Message) -> bool:
        asked.append(question)
        return answer

    context = CommandContext(studio, silent, ask=ask)  # type: ignore[arg-type]
    if answer:
        fetch_weights(Namespace(**FETCH), context)
    else:
        with pytest.raises(Cancelled):
            fetch_weights(Namespace(**FETCH), context)
    assert ("gfpgan-1.4" in fetched) is answer
    assert "4 files to download, 0.46 GB" in str(asked[0]) and "gfpgan-1.4" in str(asked[0])


def test_with_yes_nobody_is_asked_and_without_a_terminal_it_is_refused(studio: FakeStudio, fetched: list[str]):
    def never(question: Message) -> bool:
        raise AssertionError(question)

    fetch_weights(Namespace(**{**FETCH, "yes": True}), CommandContext(studio, silent, ask=never))  # type: ignore[arg-type]
    assert fetched
    with pytest.raises(BadRequest, match="--yes"):
        fetch_weights(Namespace(**FETCH), CommandContext(studio, silent))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "expected"), [("y\n", True), ("YES\n", True), ("是\n", True), ("\n", False), ("", False)]
)
def test_only_a_yes_is_a_yes(monkeypatch: pytest.MonkeyPatch, typed: str, expected: bool):
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    question = message("weights.ask", total="1 file [bold]", names="a", notes="")
    assert terminal.ask(question, Console(file=shown), Translator()) is expected
    assert "[bold]" in shown.getvalue() and "[y/N]" in shown.getvalue()


def test_who_reads_a_pipe_cannot_be_asked(monkeypatch: pytest.MonkeyPatch):
    leader, follower = pty.openpty()
    with os.fdopen(follower, "r") as typed, os.fdopen(leader, "w"):
        monkeypatch.setattr(sys, "stdin", typed)
        assert terminal.can_ask(Console(force_terminal=True))
        assert not terminal.can_ask(Console(file=io.StringIO()))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert not terminal.can_ask(Console(force_terminal=True))
