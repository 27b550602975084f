"""Where gradios differ, and where a host changes one."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from easyphoto.ui import compat


class Wrapped:
    """An event as Forge hands it out."""

    def __init__(self, event: Any) -> None:
        self.replaced_event = event

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.replaced_event(*args, **kwargs)


@pytest.mark.parametrize("wrap", [lambda event: event, Wrapped])
def test_an_event_keeps_its_inputs_and_stays_out_of_the_line(wrap: Any):
    with gr.Blocks() as blocks:
        text, button = gr.Textbox(), gr.Button()
        compat.listen(wrap(button.click), lambda value: value, [text], [text], once=True)
    [event] = blocks.config["dependencies"]
    assert event["inputs"] == event["outputs"] == [text._id]
    assert event["queue"] is False
    assert event.get("trigger_mode", "once") == "once"


def test_only_what_is_known_is_passed():
    def old(a: int, b: int = 0) -> None: ...

    assert compat.accepted(old, {"a": 1, "c": 2}) == {"a": 1}
