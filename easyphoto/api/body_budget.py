"""A budget of memory for all bodies together; a body waits on disk until there is room for it."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from easyphoto.errors import TooMany
from easyphoto.private_files import make_private

SMALL = 1_000_000
"""Bytes of a body that is never counted nor written to disk."""

PATIENCE = 60.0
_POLL = 0.05
_BLOCK = 1 << 20


class BodyBudget:
    """Shared by all requests of an application, in whichever event loop they run."""

    def __init__(self, folder: Path, memory: int, disk: int) -> None:
        self._folder, self._memory, self._disk = folder, memory, disk
        self._lock = threading.Lock()
        self._in_memory = self._on_disk = 0

    @asynccontextmanager
    async def held(self, receive: Receive) -> AsyncIterator[Receive]:
        """The whole body, received and with room in memory for the block's time. Raises TooMany."""
        make_private(self._folder)
        with tempfile.SpooledTemporaryFile(SMALL, dir=str(self._folder)) as spool:
            size = 0
            try:
                async for part in _parts(receive):
                    size += len(part)
                    self._take_disk(len(part))
                    spool.write(part)
                async with self._room(size):
                    spool.seek(0)
                    yield _replayed(spool, size, receive)
            finally:
                self._take_disk(-size)

    def _take_disk(self, size: int) -> None:
        with self._lock:
            self._on_disk += size
            if size > 0 and self._on_disk > self._disk:
                raise TooMany("request.bodies", stage="request")

    @asynccontextmanager
    async def _room(self, size: int) -> AsyncIterator[None]:
        counted = size if size > SMALL else 0
        end = time.monotonic() + PATIENCE
        while not self._took(counted):
            if time.monotonic() > end:
                raise TooMany("request.bodies", stage="request")
            await asyncio.sleep(_POLL)
        try:
            yield
        finally:
            with self._lock:
                self._in_memory -= counted

    def _took(self, size: int) -> bool:
        """One body that is larger than the budget has it alone."""
        with self._lock:
            fits = self._in_memory == 0 or self._in_memory + size <= self._memory
            if fits or size == 0:
                self._in_memory += size
            return fits or size == 0


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        more = message.get("more_body", False)
        yield message.get("body", b"")


def _replayed(spool: Any, size: int, receive: Receive) -> Receive:
    """The body again, then whatever the server says next, which is that the caller has gone."""
    left = max(size, 1)

    async def again() -> Message:
        nonlocal left
        if left <= 0:
            return await receive()
        left -= _BLOCK
        return {"type": "http.request", "body": spool.read(_BLOCK), "more_body": left > 0}

    return again
