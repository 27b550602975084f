"""uvicorn's HTTP protocol with limits that it lacks: for a first request to arrive, and for open connections."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 15.0
MOST = 400
"""Open connections; a process may usually open 1024 files, and pictures and databases need some."""

MOST_OF_ONE = 200
"""Open connections of one address."""

BACKLOG = 100
"""Connections that wait to be accepted; asyncio accepts so many at a time before any of them can be closed."""

LOG_SECONDS = 60.0

_log = logging.getLogger(__name__)


class LimitedProtocol(H11Protocol):
    """Closes a connection that asks for nothing; of too many the longest silent one, so that callers get in."""

    last_logged = -LOG_SECONDS  # of all connections: a flood must not fill the log

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Counts it, and gives it its time."""
        super().connection_made(transport)
        self._since = time.monotonic()
        self._patience = self.loop.call_later(HEADER_SECONDS, self._close_if_silent)
        if rivals := self._rivals():
            silent = [one for one in rivals if getattr(one, "cycle", None) is None and one is not self]
            min(silent, key=lambda one: getattr(one, "_since", 0.0), default=self).transport.abort()
            self._complain()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        if patience := getattr(self, "_patience", None):
            patience.cancel()
        super().connection_lost(exc)

    def _rivals(self) -> list[Any]:
        """The connections of which one must go: of all, or of this address; none while there is room."""
        open_ones: list[Any] = [one for one in self.connections if not _closing(one)]
        if len(open_ones) > MOST:
            return open_ones
        own = self.client[0] if self.client else ""
        same = [one for one in open_ones if (getattr(one, "client", None) or ("",))[0] == own]
        return same if len(same) > MOST_OF_ONE else []

    def _close_if_silent(self) -> None:
        if self.cycle is None:  # no request has arrived whole
            self.transport.close()

    @classmethod
    def _complain(cls) -> None:
        if time.monotonic() - cls.last_logged > LOG_SECONDS:
            LimitedProtocol.last_logged = time.monotonic()
            _log.warning("Too many connections are open; silent ones are closed.")


def _closing(connection: Any) -> bool:
    transport = getattr(connection, "transport", None)
    return transport is not None and bool(transport.is_closing())


class _OnceAMinute(logging.Filter):
    """asyncio says of every single connection that no file could be opened for it."""

    _last = -LOG_SECONDS

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        if not record.getMessage().startswith("socket.accept() out of system resource"):
            return True
        told = time.monotonic() - self._last > LOG_SECONDS
        self._last = time.monotonic() if told else self._last
        return told


@contextmanager
def quiet_accept_log() -> Iterator[None]:
    """A flood of connections does not fill the log in the block."""
    once, log = _OnceAMinute(), logging.getLogger("asyncio")
    log.addFilter(once)
    try:
        yield
    finally:
        log.removeFilter(once)
