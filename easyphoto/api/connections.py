"""uvicorn's HTTP protocol with limits that it lacks: for a first request to arrive, and for open connections."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 15.0
MOST = 400
"""Open connections; a process may usually open 1024 files, and pictures and databases need some."""

MOST_OF_ONE = 200
"""Open connections of one address."""

LOG_SECONDS = 60.0

_log = logging.getLogger(__name__)


class LimitedProtocol(H11Protocol):
    """Closes a connection that asks for nothing, and one too many."""

    last_logged = -LOG_SECONDS  # of all connections: a flood must not fill the log

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Counts it, and gives it its time."""
        super().connection_made(transport)
        if self._one_too_many():
            transport.abort()
            self._complain()
        else:
            self._patience = self.loop.call_later(HEADER_SECONDS, self._close_if_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        if patience := getattr(self, "_patience", None):
            patience.cancel()
        super().connection_lost(exc)

    def _one_too_many(self) -> bool:
        if len(self.connections) > MOST:
            return True
        own = self.client[0] if self.client else ""
        others: Any = self.connections
        return sum(1 for one in others if (getattr(one, "client", None) or ("",))[0] == own) > MOST_OF_ONE

    def _close_if_silent(self) -> None:
        if self.cycle is None:  # no request has arrived whole
            self.transport.close()

    @classmethod
    def _complain(cls) -> None:
        if time.monotonic() - cls.last_logged > LOG_SECONDS:
            LimitedProtocol.last_logged = time.monotonic()
            _log.warning("Too many connections are open; new ones are closed.")
