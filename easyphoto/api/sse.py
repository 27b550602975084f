"""What many watchers ask of one job: encoded once, however many they are."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from easyphoto.api.serializers import Serializer
from easyphoto.errors import EasyPhotoError
from easyphoto.jobs import Event, JobQueue

POLL_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
LONGEST_SECONDS = 3600.0  # then the caller comes again, with its Last-Event-ID

_NEWEST = 500  # events of a job that are kept encoded; older ones are read from the queue
_JOBS = 16


@dataclass
class _JobEvents:
    """The newest events of a job as messages, and its state as JSON."""

    version: int
    number: int  # of the last event
    messages: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=_NEWEST))
    over: bool = False
    job: str = ""


class Feed:
    """Reads a job again only after the store has changed."""

    def __init__(self, queue: JobQueue, serializer: Serializer) -> None:
        self._queue, self._serializer = queue, serializer
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _JobEvents] = OrderedDict()

    def job(self, job_id: str) -> str:
        """The job as JSON. Raises NotFound."""
        with self._lock:
            return self._fresh(job_id).job

    def since(self, job_id: str, number: int) -> tuple[list[tuple[int, str]], bool]:
        """Messages numbered above `number`, and whether none will follow them. Raises NotFound."""
        with self._lock:
            known = self._fresh(job_id)
            if number >= known.number:
                return [], known.over
            if known.messages and number >= known.messages[0][0] - 1:
                return [message for message in known.messages if message[0] > number], known.over
        return [self._message(event) for event in self._queue.events(job_id, number)], False

    def _fresh(self, job_id: str) -> _JobEvents:
        version = self._queue.version()
        known = self._known.get(job_id)
        if known is None or known.version != version:
            known = self._read(job_id, version, known)
        return known

    def _read(self, job_id: str, version: int, known: _JobEvents | None) -> _JobEvents:
        try:
            job = self._queue.get(job_id)  # before its events, so that none is missed
        except Exception:
            self._known.pop(job_id, None)
            raise
        if known is None or job.last_event - known.number > _NEWEST:
            known = _JobEvents(version, max(0, job.last_event - _NEWEST))
        for event in self._queue.events(job_id, known.number):
            known.messages.append(self._message(event))
            known.number = event.number
        known.version, known.over, known.job = version, job.over, _encoded(self._serializer.job(job))
        self._known[job_id] = known
        while len(self._known) > _JOBS:
            self._known.popitem(last=False)
        return known

    def _message(self, event: Event) -> tuple[int, str]:
        return event.number, message("event", _encoded(self._serializer.event(event)), event.number)


async def stream(feed: Feed, job_id: str, since: int) -> AsyncIterator[str]:
    """Server-sent events of the job, with an `end` event when it is over.

    Polls: for fifty readers that is cheaper than waking fifty tasks at every event. A job that is
    deleted, or a queue that is closed meanwhile, ends it with an `error` event.
    """
    try:
        async for text in _events(feed, job_id, since):
            yield text
    except EasyPhotoError as error:
        yield message("error", _encoded(error.as_json()), since)


async def _events(feed: Feed, job_id: str, since: int) -> AsyncIterator[str]:
    started = heard = time.monotonic()
    yield "retry: 2000\n\n"
    while time.monotonic() - started < LONGEST_SECONDS:
        messages, over = feed.since(job_id, since)
        if messages:
            heard, since = time.monotonic(), messages[-1][0]
            yield "".join(text for _, text in messages)
        elif time.monotonic() - heard > HEARTBEAT_SECONDS:
            heard = time.monotonic()
            yield ": still here\n\n"
        if over:
            yield message("end", json.dumps({"state": json.loads(feed.job(job_id))["state"]}), since)
            return
        await asyncio.sleep(POLL_SECONDS)


def message(kind: str, data: str, number: int) -> str:
    """One server-sent event; `data` is one line of JSON."""
    return f"id: {number}\nevent: {kind}\ndata: {data}\n\n"


def _encoded(value: object) -> str:
    return json.dumps(value, allow_nan=False)
