"""Files of ours that the WebUI's gradio would hand to anybody: refused by a route that comes before gradio's own."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Match

BLOCKED_PATHS = "GRADIO_BLOCKED_PATHS"
"""Read by gradio 4 and later when a page is launched: they keep the files until our route is there, a moment later."""

_FILE = re.compile(r"/file[=/](?P<file>.+)", re.DOTALL)

Identity = tuple[int, int] | str


class FileGuard(BaseRoute):
    """Answers 403 to requests of gradio's file routes for anything below `folders`; every other request passes by.

    Hosts on gradio 4 allow their whole data path, and gradio compares the paths it blocks as text: another case or a
    short name on Windows, or a link, is another text for the same folder. Here folders are compared by identity.
    """

    path = name = "easyphoto-files"  # hosts and other extensions ask every route for them

    def __init__(self, folders: Callable[[], tuple[Path, ...]]) -> None:
        self.folders = folders

    def matches(self, scope: Any) -> tuple[Match, dict[str, Any]]:
        """FULL for a file of ours."""
        asked = _FILE.search(scope["path"]) if scope["type"] == "http" else None
        return (Match.FULL if asked and self.holds(asked["file"]) else Match.NONE), {}

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Refuse."""
        await PlainTextResponse("File not allowed", 403)(scope, receive, send)

    def holds(self, asked: str) -> bool:
        """Whether that path leads into one of the folders, read either as the system does or as text."""
        try:
            spelled = {Path(os.path.realpath(path)) for path in (asked, os.path.normpath(asked))}
        except (OSError, ValueError):  # no path of this system, so no file
            return False
        protected = set(filter(None, map(_identity, self.folders())))
        return any(_identity(place) in protected for path in spelled for place in (path, *path.parents))

    def protect(self, app: Any) -> None:
        """Come first among the routes of that application; once."""
        if self not in app.router.routes:
            app.router.routes.insert(0, self)

    def block_until_started(self) -> None:
        """Have gradio refuse the folders itself from the moment the page is launched."""
        blocked = [path for path in os.environ.get(BLOCKED_PATHS, "").split(",") if path]
        ours = [path for folder in self.folders() for path in _texts(folder) if "," not in path]
        os.environ[BLOCKED_PATHS] = ",".join(dict.fromkeys([*blocked, *ours]))


def _texts(folder: Path) -> Iterator[str]:
    yield str(folder)
    yield str(folder.resolve())


def _identity(place: Path) -> Identity | None:
    """The same for all names of a folder; None for one that is not there."""
    try:
        found = place.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found.st_ino else str(place.resolve()).casefold()
