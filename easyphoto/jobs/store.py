"""Jobs and their events on disk: one SQLite file, readable while it is written."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from easyphoto.errors import Busy, EasyPhotoError, Locked, NotFound
from easyphoto.jobs.database import NAME, open_database, open_reader
from easyphoto.jobs.job import ENDED, Event, Job, Kind, State
from easyphoto.locales import Message, from_json
from easyphoto.sqlite_privacy import erase_deleted_rows
from easyphoto.system_errors import refusal_of

WORKERS_PATIENCE = 10.0
"""Seconds that running work waits for another program's writing."""

CALLERS_PATIENCE = 2.0
"""Seconds that somebody waits who has asked for something."""

_LAST_EVENT = "(SELECT COALESCE(MAX(number), 0) FROM events WHERE job = jobs.id)"


class JobStore:
    """The tables; every method is one transaction and may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self._reading = threading.RLock()
        self._database: sqlite3.Connection | None = open_database(folder / NAME)
        self._reader: sqlite3.Connection | None = open_reader(folder / NAME)

    def close(self) -> None:
        """For good; later calls raise Busy."""
        with self._lock, self._reading:
            for database in (self._database, self._reader):
                if database is not None:
                    database.close()
            self._database = self._reader = None

    def version(self) -> int:
        """Another number after every change, also of another process; costs microseconds."""
        with self._reading:
            version: int = _opened(self._reader).execute("PRAGMA data_version").fetchone()[0]
            return version

    @contextmanager
    def transaction(self, patience: float = WORKERS_PATIENCE) -> Iterator[sqlite3.Connection]:
        """All of it or nothing. Raises Busy when others have written for `patience` seconds."""
        if not self._lock.acquire(timeout=patience):
            raise Locked("jobs.locked", stage="jobs")
        try:
            database = _opened(self._database)
            try:
                database.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
                database.execute("BEGIN IMMEDIATE")
                yield database
                database.execute("COMMIT")
            except sqlite3.OperationalError as error:
                raise self._refusal(error) from error
            finally:
                if database.in_transaction:  # not after a full disk, which ends it by itself
                    database.execute("ROLLBACK")
        finally:
            self._lock.release()

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._reading:
            try:
                return _opened(self._reader).execute(query, values).fetchall()
            except sqlite3.OperationalError as error:
                raise self._refusal(error) from error

    def _refusal(self, error: sqlite3.OperationalError) -> EasyPhotoError | sqlite3.OperationalError:
        refusal = refusal_of(error, [self.folder])
        return Locked("jobs.locked", stage="jobs") if isinstance(refusal, Locked) else refusal or error

    # ------------------------------------------------------------ jobs

    def add(self, job: Job) -> None:
        """At the end of the queue."""
        with self.transaction(CALLERS_PATIENCE) as database:
            database.execute(
                "INSERT INTO jobs VALUES (?, ?, ?, ?, ?, (SELECT COALESCE(MAX(position), 0) + 1 FROM jobs),"
                " ?, 0, 0, '', 0, 0, '', 0, NULL, NULL)",
                (job.id, job.kind.value, job.state.value, _text(job.request), _text(job.files), job.created),
            )

    def get(self, job_id: str) -> Job:
        """Raises NotFound."""
        rows = self._rows(f"SELECT *, {_LAST_EVENT} AS last_event FROM jobs WHERE id = ?", (job_id,))
        if not rows:
            raise NotFound("jobs.unknown", stage="jobs")
        return _job(rows[0])

    def find(self, kinds: Iterable[Kind], states: Iterable[State], limit: int) -> list[Job]:
        """Newest first."""
        chosen = [*(k.value for k in kinds)], [*(s.value for s in states)]
        query = (
            f"SELECT *, {_LAST_EVENT} AS last_event FROM jobs WHERE kind IN ({_marks(chosen[0])})"
            f" AND state IN ({_marks(chosen[1])}) ORDER BY created DESC, id DESC LIMIT ?"
        )
        return [_job(row) for row in self._rows(query, (*chosen[0], *chosen[1], limit))]

    def waiting(self) -> list[tuple[str, Kind]]:
        """Ids and kinds of what is queued, the next one first."""
        rows = self._rows("SELECT id, kind FROM jobs WHERE state = 'queued' ORDER BY position")
        return [(row["id"], Kind(row["kind"])) for row in rows]

    def claim(self, kinds: Sequence[Kind], now: float) -> str | None:
        """The id of the first waiting job of these kinds, which is RUNNING from here on."""
        names = [kind.value for kind in kinds]
        with self.transaction() as database:
            row = database.execute(
                f"SELECT id FROM jobs WHERE state = 'queued' AND kind IN ({_marks(names)}) ORDER BY position LIMIT 1",
                names,
            ).fetchone()
            if row is None:
                return None
            # the caller read its clock before it waited for the list; the job may have come in between
            start = "UPDATE jobs SET state = 'running', started = MAX(?, created) WHERE id = ?"
            database.execute(start, (now, row["id"]))
            _append(database, row["id"], [Event(0, now, State.RUNNING)])
            return str(row["id"])

    def requeue(self, job_id: str, now: float) -> None:
        """An ended job to the end of the queue, as if it had never run; its events stay."""
        with self.transaction(CALLERS_PATIENCE) as database:
            database.execute(
                "UPDATE jobs SET state = 'queued', started = 0, ended = 0, stage = '', done = 0, total = 0, note = '',"
                " cancelling = 0, error = NULL, position = (SELECT MAX(position) + 1 FROM jobs) WHERE id = ?",
                (job_id,),
            )
            _append(database, job_id, [Event(0, now, State.QUEUED)])

    def ask_to_cancel(self, job_id: str, now: float) -> bool:
        """A queued job is cancelled here, and True comes back; a running one is marked for whoever runs it."""
        with self.transaction(CALLERS_PATIENCE) as database:
            waited = database.execute(
                "UPDATE jobs SET state = 'cancelled', ended = ? WHERE id = ? AND state = 'queued'", (now, job_id)
            )
            if waited.rowcount:
                _append(database, job_id, [Event(0, now, State.CANCELLED)])
            database.execute("UPDATE jobs SET cancelling = 1 WHERE id = ? AND state = 'running'", (job_id,))
            return waited.rowcount > 0

    def cancelling(self) -> list[str]:
        """Ids of running jobs that shall stop."""
        return [row["id"] for row in self._rows("SELECT id FROM jobs WHERE state = 'running' AND cancelling = 1")]

    def keep_result(self, job_id: str, result: dict[str, Any]) -> None:
        """What is finished of it so far."""
        with self.transaction() as database:
            database.execute("UPDATE jobs SET result = ? WHERE id = ?", (_text(result), job_id))

    def change_result(self, job_id: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Of an ended job, as one step. Raises NotFound; Busy while it runs or waits, and what `change` raises."""
        with self.transaction(CALLERS_PATIENCE) as database:
            row = database.execute("SELECT state, result FROM jobs WHERE id = ?", (job_id,)).fetchone()
            if row is None:
                raise NotFound("jobs.unknown", stage="jobs")
            if State(row["state"]) not in ENDED:
                raise Busy("jobs.still-running", stage="jobs")
            changed = change(json.loads(row["result"]) if row["result"] else {})
            database.execute("UPDATE jobs SET result = ? WHERE id = ?", (_text(changed), job_id))

    def end(self, job_id: str, state: State, now: float, error: dict[str, Any] | None = None) -> None:
        """Its final state, with the failure if there was one."""
        with self.transaction() as database:
            database.execute(
                "UPDATE jobs SET state = ?, ended = ?, cancelling = 0, error = ? WHERE id = ?",
                (state.value, now, None if error is None else _text(error), job_id),
            )
            _append(database, job_id, [Event(0, now, state, line=error["problem"] if error else "")])

    def orphans(self) -> list[str]:
        """Ids of what is marked as running; whoever holds the lock knows that nobody runs it."""
        return [row["id"] for row in self._rows("SELECT id FROM jobs WHERE state = 'running'")]

    def delete(self, job_id: str) -> None:
        """With its events."""
        with self.transaction(CALLERS_PATIENCE) as database:
            database.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def erase_deleted(self) -> None:
        """Nothing that was deleted can be read from the file any more. Raises Busy while another process reads."""
        with self._lock:
            try:
                erase_deleted_rows(_opened(self._database))
            except sqlite3.OperationalError as error:
                raise Busy("jobs.not-cleaned", stage="delete", file=NAME, why=error) from error

    # ------------------------------------------------------------ events

    def append(self, job_id: str, events: Sequence[Event]) -> None:
        """Their numbers are given here; the newest step becomes the job's own."""
        with self.transaction() as database:
            _append(database, job_id, events)

    def events(self, job_id: str, since: int, limit: int) -> list[Event]:
        """Those numbered above `since`, oldest first."""
        query = "SELECT * FROM events WHERE job = ? AND number > ? ORDER BY number LIMIT ?"
        return [self._event(row) for row in self._rows(query, (job_id, since, limit))]

    def _event(self, row: sqlite3.Row) -> Event:
        preview = self.folder / row["job"] / row["preview"] if row["preview"] else None
        return Event(
            number=row["number"],
            time=row["time"],
            state=State(row["state"]),
            stage=row["stage"],
            done=row["done"],
            total=row["total"],
            note=_note(row["note"]),
            figures=json.loads(row["figures"]),
            preview=preview if preview is not None and preview.is_file() else None,
            line=row["line"],
        )


def _opened(database: sqlite3.Connection | None) -> sqlite3.Connection:
    if database is None:
        raise Busy("jobs.closed", stage="jobs")
    return database


def _append(database: sqlite3.Connection, job_id: str, events: Sequence[Event]) -> None:
    """Within a transaction."""
    query = "SELECT COALESCE(MAX(number), 0) AS last FROM events WHERE job = ?"
    last = database.execute(query, (job_id,)).fetchone()["last"]
    rows = [_event_row(job_id, replace(event, number=last + n)) for n, event in enumerate(events, 1)]
    database.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    for event in events:
        if event.stage and not event.line:
            database.execute(
                "UPDATE jobs SET stage = ?, done = ?, total = ?, note = ? WHERE id = ?",
                (_sound(event.stage), event.done, event.total, _sound(_note_text(event.note)), job_id),
            )


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _text(value: Any) -> str:
    return json.dumps(value)


def _note_text(note: Message | str) -> str:
    return _text(note.as_json()) if isinstance(note, Message) else note


def _note(text: str) -> Message | str:
    """A name stands as it is, and so does what an older version wrote."""
    return from_json(json.loads(text)) if text.startswith('{"code": ') and text.endswith("}") else text


def _sound(text: str) -> str:
    """Without halves of surrogate pairs, which odd file names bring and SQLite does not take."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _job(row: sqlite3.Row) -> Job:
    state = State(row["state"])
    return Job(
        id=row["id"],
        kind=Kind(row["kind"]),
        state=state,
        request=json.loads(row["request"]),
        files=tuple(json.loads(row["files"])),
        created=row["created"],
        started=row["started"],
        ended=row["ended"] if state in ENDED else 0.0,
        stage=row["stage"],
        done=row["done"],
        total=row["total"],
        note=_note(row["note"]),
        cancelling=bool(row["cancelling"]),
        result=json.loads(row["result"]) if row["result"] else None,
        error=json.loads(row["error"]) if row["error"] else None,
        last_event=row["last_event"],
    )


def _event_row(job_id: str, event: Event) -> tuple[Any, ...]:
    step = (_sound(event.stage), event.done, event.total, _sound(_note_text(event.note)), _text(event.figures))
    preview = event.preview.name if event.preview else None
    return (job_id, event.number, event.time, event.state.value, *step, preview, _sound(event.line))
