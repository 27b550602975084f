"""What a panel remembers of one open page: its events run one after another, and a poll says what the page shows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from easyphoto.ui import compat
from easyphoto.ui.context import message

SHOWN = "shown"


class SessionValues:
    """The values of one page and the lock of its events; gradio keeps it, never anything out of it."""

    def __init__(self, first: Mapping[str, Any]) -> None:
        self._first = dict(first)
        self.values = dict(first)
        self.lock = threading.Lock()

    def __deepcopy__(self, memo: object) -> SessionValues:
        """New ones: gradio copies what a State is made with for every page."""
        return SessionValues(self._first)


@dataclass(frozen=True)
class Remembered:
    """Stands for a value of the session among an event's inputs and outputs."""

    state: gr.State
    name: str


class PanelSession:
    """The events of a panel.

    Answers overtake each other on their way to the browser, and gradio gives two events at once the same old state. So
    an event waits until the one before it has left its values, and a poll does not ask what was sent last but what the
    page shows: whatever an answer that came late has put there is replaced by the next one.
    """

    def __init__(self, panel: str, parts: Sequence[str], **first: Any) -> None:
        self._parts = frozenset(parts)
        self._state = gr.State(SessionValues({SHOWN: {}, **first}))
        self._poll_box = compat.hidden_box(f"ep-{panel}-poll")

    def __getitem__(self, name: str) -> Remembered:
        return Remembered(self._state, name)

    def listen(
        self, event: Any, run: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any], once: bool = False
    ) -> Any:
        """Bind `run` to an event such as ``button.click``; values of the session may be among inputs and outputs."""
        others = {one.state: None for one in inputs if isinstance(one, Remembered) and one.state is not self._state}
        states, sent = [self._state, *others], [one for one in inputs if not isinstance(one, Remembered)]

        def handle(*given: Any) -> Any:
            own: SessionValues = given[0]
            sessions = dict(zip(states, given, strict=False))
            with own.lock:
                answer = run(*_arguments(inputs, iter(given[len(states) :]), sessions))
                return _answered(outputs, answer, own)

        return compat.listen(event, handle, [*states, *sent], [one for one in outputs if _is_widget(one)], once)

    def poll(self, run: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        """Bind `run` to the script's regular question; of the parts it gets those marks that the page has."""
        place = next((n for n, one in enumerate(inputs) if one == self[SHOWN]), None)

        def polled(text: str, *given: Any) -> Any:
            arguments = list(given)
            if place is not None:
                arguments[place] = self._now_shown(text, arguments[place])
            return run(*arguments)

        return self.listen(self._poll_box.change, polled, [self._poll_box, *inputs], outputs, once=True)

    def _now_shown(self, text: str, held: Mapping[str, str]) -> dict[str, str]:
        told = message(text).get(SHOWN)
        marks = told if isinstance(told, dict) else {}
        others = {name: mark for name, mark in held.items() if name not in self._parts}
        return others | {name: str(mark) for name, mark in marks.items() if name in self._parts}


def _is_widget(one: Any) -> bool:
    return not isinstance(one, Remembered)


def _arguments(inputs: Sequence[Any], sent: Iterator[Any], sessions: Mapping[Any, SessionValues]) -> list[Any]:
    """What the handler asked for, in its order."""
    return [next(sent) if _is_widget(one) else sessions[one.state].values[one.name] for one in inputs]


def _answered(outputs: Sequence[Any], answer: Any, session: SessionValues) -> Any:
    """Keeps what belongs to the session; the rest is gradio's, which wants a single one bare."""
    pairs = list(zip(outputs, answer, strict=True)) if outputs else []
    session.values |= {one.name: value for one, value in pairs if not _is_widget(one)}
    left = [value for one, value in pairs if _is_widget(one)]
    return left[0] if len(left) == 1 else left or None
