"""Events of a job as server-sent events."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

from easyphoto.api.telling import Teller
from easyphoto.jobs import Queue

POLL_SECONDS = 0.4
BEAT_SECONDS = 15.0
LONGEST_SECONDS = 3600.0  # then the caller comes again, with its Last-Event-ID


async def stream(queue: Queue, tell: Teller, job_id: str, since: int) -> AsyncIterator[str]:
    """Ends with an `end` event when the job is over. Raises NotFound at the first item for an unknown job.

    Polls: for fifty readers that is cheaper than waking fifty tasks from the job's own thread.
    """
    started = heard = time.monotonic()
    yield "retry: 2000\n\n"
    while time.monotonic() - started < LONGEST_SECONDS:
        over = queue.get(job_id).over  # asked first, so that no event is missed
        events = queue.events(job_id, since)
        for event in events:
            since = event.number
            yield message("event", json.dumps(tell.event(event), ensure_ascii=False), since)
        if over and not events:
            yield message("end", json.dumps({"state": queue.get(job_id).state.value}), since)
            return
        if events:
            heard = time.monotonic()
            continue
        if time.monotonic() - heard > BEAT_SECONDS:
            heard = time.monotonic()
            yield ": still here\n\n"
        await asyncio.sleep(POLL_SECONDS)


def message(kind: str, data: str, number: int) -> str:
    """One server-sent event; `data` is one line of JSON."""
    return f"id: {number}\nevent: {kind}\ndata: {data}\n\n"
