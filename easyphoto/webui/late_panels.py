"""Our panels in the WebUI's page: built when it is first asked for, since the WebUI's start need not wait for them.

Gradio 3 cannot add components to a page that a browser has open, so it is not the opening of our tab that builds them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.routing import BaseRoute, Match

PLACE = "easyphoto-place"
"""DOM id of the column; a browser that finds it empty came too early and asks for the page again."""

_PAGE = re.compile(r"/?|/config/?|/(gradio_api/)?(run|queue|api)/.+")
"""The page itself, and events of one that was open before the WebUI was started again."""


@dataclass(frozen=True)
class PanelPlace:
    """An empty column in place of the panels, which the host puts into its page like the Blocks of any tab."""

    column: Any

    @classmethod
    def empty(cls) -> PanelPlace:
        """Rendered by the host."""
        import gradio as gr

        return cls(gr.Column(elem_id=PLACE, render=False))

    def fill(self, demo: Any, blocks: Any) -> None:
        """Put those Blocks into the column within the host's page; nothing where the host hides the tab."""
        held = getattr(demo, "default_config", demo).blocks
        if getattr(self.column, "_id", None) not in held:
            return
        with _inside(demo, self.column):
            blocks.render()
        demo.config = demo.get_config_file()


@contextmanager
def _inside(demo: Any, column: Any) -> Iterator[None]:
    """What is rendered meanwhile goes into that column of that page."""
    from gradio.context import Context

    before = Context.root_block, Context.block
    Context.root_block, Context.block = demo, column
    try:
        yield
    finally:
        Context.root_block, Context.block = before


class PageRequests(BaseRoute):
    """Answers nothing: calls `first` at the first request for the host's page, and `again` at every later one."""

    path = name = "easyphoto-page"  # hosts and other extensions ask every route for them

    def __init__(self, first: Callable[[], None], again: Callable[[], None]) -> None:
        self._first, self._again = first, again
        self._asked = False

    def matches(self, scope: Any) -> tuple[Match, dict[str, Any]]:
        """Never."""
        if _asks_for_page(scope):
            before, self._asked = self._asked, True
            if not before:
                self._first()
            elif _path(scope) in ("", "/"):
                self._again()
        return Match.NONE, {}


def _asks_for_page(scope: Any) -> bool:
    """A HEAD does not: gradio 4 sends one while it is launched."""
    kind, method = scope["type"], scope.get("method", "GET")
    return kind in ("http", "websocket") and method in ("GET", "POST") and bool(_PAGE.fullmatch(_path(scope)))


def _path(scope: Any) -> str:
    """Below a --subpath; servers have it in the path, or not, by version."""
    return str(scope["path"]).removeprefix(scope.get("root_path", "").rstrip("/"))
