"""The list of base models and what stands there while there is none; models may come and go while the page is open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from easyphoto.domain import BUILTIN_CHECKPOINT
from easyphoto.families import foreign_labels
from easyphoto.ui.components import notice
from easyphoto.ui.context import UiContext

MARK = "base models"  # its key among the marks of what is shown


class BaseModels:
    """Keeps one dropdown of base models up to date."""

    def __init__(self, context: UiContext) -> None:
        self.context = context
        self._made_empty = not context.models()

    def changes(self) -> dict[str, Any]:
        """What the dropdown is made with."""
        names = self.context.models()
        own = BUILTIN_CHECKPOINT in names
        return {
            "choices": names,
            **({} if own else {"info": self.context.say("models.hosts", families=foreign_labels())}),
        }

    def fresh(self, shown: Mapping[str, str] | None) -> tuple[Any, str]:
        """The dropdown's update and the mark of what it shows then; the user's choice stays."""
        names = self.context.models()
        mark, before = "\n".join(names), (shown or {}).get(MARK)
        if mark == before:
            return gr.update(), mark
        first = names and (not before if before is not None else self._made_empty)
        return gr.update(choices=names, **({"value": self.context.studio.engine.default()} if first else {})), mark

    def note_html(self) -> str:
        """Says what to do while there is no base model at all."""
        if self.context.models():
            return ""
        title = self.context.say("models.none", families=foreign_labels())
        return notice(title, self.context.say("models.none.next"), "fair")
