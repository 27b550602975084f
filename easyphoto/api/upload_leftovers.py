"""What gradio leaves of an upload that broke off or found the disk full: parts with names of its own, never deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

PARTS = "tmp*"
STILL_SECONDS = 60.0
"""A part that has not grown for so long is nobody's; other programs may use the same folder."""

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


class UploadLeftovers:
    """Around an application with gradio pages: deletes the parts of uploads that failed."""

    def __init__(self, app: App, folder: Callable[[], Path]) -> None:
        self._app, self._folder = app, folder
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] != "http" or not scope["path"].endswith("/upload"):
            return await self._app(scope, receive, send)
        before, done = _parts(self._folder()), False

        async def sending(message: Scope) -> None:
            nonlocal done
            done = done or message.get("status") == 200
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            if not done:
                task = asyncio.create_task(_delete_still(self._folder(), before))
                self._tasks.add(task)  # a task that nobody holds may vanish
                task.add_done_callback(self._tasks.discard)


def _parts(folder: Path) -> dict[Path, float]:
    """With the time of their last change."""
    found = {}
    for part in folder.glob(PARTS):
        with suppress(FileNotFoundError):
            if part.is_file():
                found[part] = part.stat().st_mtime
    return found


async def _delete_still(folder: Path, before: dict[Path, float]) -> None:
    """Those that are new and have not grown since."""
    left = _parts(folder)
    await asyncio.sleep(STILL_SECONDS)
    now = _parts(folder)
    for part, changed in left.items():
        if part not in before and now.get(part) == changed:
            part.unlink(missing_ok=True)
