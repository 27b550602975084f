"""How long a job takes: its time so far over all its tries, and the time left once that can be told."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from easyphoto.domain import TrainRequest
from easyphoto.errors import EasyPhotoError
from easyphoto.jobs import Event, Job, Kind, State
from easyphoto.jobs.requests import read_request
from easyphoto.stages import Stage
from easyphoto.ui.progress_estimate import Weights, fraction_of, progress_of, stages_of

SURE = 0.04  # fraction under which what was seen so far says nothing
TRUSTED = 0.3  # fraction from which the last run of the kind says nothing any more
RISE = 1.25  # how far the time left may rise over the least that was shown
STEADY_SECONDS = 4.0  # for which the expected end must hold still before it is shown
REMEMBERED = 64  # jobs


class Unknown(str, Enum):
    """Why no time left is shown."""

    ESTIMATING = "estimating"
    LONGER = "longer"  # than was said before


@dataclass(frozen=True)
class ProgressEstimate:
    """What the progress bar says."""

    fraction: float  # 0..1 over all stages
    elapsed: float  # seconds, over all tries
    left: float | Unknown  # seconds


def worked_seconds(job: Job, events: Sequence[Event], now: float) -> float:
    """Seconds in which the job ran; `now` in seconds since 1970. What a killed program did counts to its last event."""
    total, begun, last = 0.0, 0.0, 0.0
    for event in events:
        starts = event.state is State.RUNNING and not event.stage and not event.line
        if begun and (starts or event.state is not State.RUNNING):
            total, begun = total + max(0.0, (last if starts else event.time) - begun), 0.0
        begun, last = (event.time if starts else begun), event.time
    if job.over:
        return total if total else max(0.0, job.ended - job.started) if job.started else 0.0
    return total + (max(0.0, now - job.started) if job.started else 0.0)


@dataclass(frozen=True)
class PastRun:
    """How long the last run of a kind took on this machine."""

    seconds: float
    weights: Weights = field(default_factory=dict)  # seconds per stage, scaled to the job that is asked about


def past_run(job: Job, old: Job, events: Sequence[Event]) -> PastRun:
    """What the finished job `old` with its events says of `job`, which has other numbers of photos or steps."""
    taken = _seconds_by_stage(events)
    if job.kind in (Kind.PORTRAIT, Kind.QUICK):
        return PastRun(worked_seconds(old, events, old.ended) * max(1, len(job.files)) / max(1, len(old.files)))
    weights = {
        stage: taken[stage] * _units(stage, job) / _units(stage, old) for stage in stages_of(job) if stage in taken
    }
    return PastRun(sum(weights.values()), weights)


def _seconds_by_stage(events: Sequence[Event]) -> dict[Stage, float]:
    """Until the next event each stage goes on; a stage within another counts for that one."""
    taken: dict[Stage, float] = {}
    now, since = None, 0.0
    for event in events:
        if now is not None and event.state is State.RUNNING:
            taken[now] = taken.get(now, 0.0) + event.time - since
        since = event.time
        if event.stage in Stage.__members__.values() and Stage(event.stage).weight:
            now = Stage(event.stage)
        elif event.state is not State.RUNNING or not (event.stage or event.line):
            now = None
    return taken


def _units(stage: Stage, job: Job) -> float:
    """How much of a stage there is in a job."""
    photos = max(1, len(job.files))
    if stage in (Stage.CHECK_PHOTOS, Stage.PREPARE_PHOTOS) or job.kind is not Kind.TRAIN:
        return photos
    try:
        request = read_request(TrainRequest, job.request)
    except EasyPhotoError:
        return 1.0
    steps = request.steps_for(photos)
    return steps if stage is Stage.TRAIN else max(1.0, steps / request.save_steps)


@dataclass
class _Watched:
    """What was expected of one job."""

    ends: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=32))  # (now, expected end)
    least: float | None = None  # seconds left, as shown


class TimeLeft:
    """Estimates for every job of a page: hidden until they hold still, never more than a quarter over what was said."""

    def __init__(self, events_of: Callable[[Job], Sequence[Event]], last: Callable[[Job], Job | None]) -> None:
        self._events_of, self._last = events_of, last
        self._watched: OrderedDict[str, _Watched] = OrderedDict()
        self._past: OrderedDict[tuple[str, str], PastRun] = OrderedDict()
        self._lock = threading.Lock()

    def estimate(self, job: Job, events: Sequence[Event], now: float) -> ProgressEstimate:
        """From the job's newest snapshot and its events; `now` in seconds since 1970."""
        past = None if job.over else self._past_of(job)
        weights = past.weights if past else {}
        fraction, elapsed = fraction_of(job, events, weights), worked_seconds(job, events, now)
        if job.over or not job.started:
            return ProgressEstimate(fraction, elapsed, Unknown.ESTIMATING)
        here = progress_of(job, _this_try(events), weights)
        total = _expected(fraction, elapsed, past)
        left = Unknown.ESTIMATING if total is None else self._shown(job.id, max(0.0, total * (1 - here)), now)
        return ProgressEstimate(fraction, elapsed, left)

    def _shown(self, job_id: str, left: float, now: float) -> float | Unknown:
        with self._lock:
            watched = self._watched.setdefault(job_id, _Watched())
            self._watched.move_to_end(job_id)
            while len(self._watched) > REMEMBERED:
                self._watched.popitem(last=False)
            watched.ends.append((now, now + left))
            if watched.least is not None and left > RISE * watched.least:
                return Unknown.LONGER
            if watched.least is None and not _steady(watched.ends, left):
                return Unknown.ESTIMATING
            watched.least = left if watched.least is None else min(watched.least, left)
            return left

    def _past_of(self, job: Job) -> PastRun | None:
        old = self._last(job)
        if old is None:
            return None
        with self._lock:
            if (job.id, old.id) in self._past:
                return self._past[job.id, old.id]
        found = past_run(job, old, self._events_of(old))
        with self._lock:
            self._past[job.id, old.id] = found
            while len(self._past) > REMEMBERED:
                self._past.popitem(last=False)
        return found


def _expected(fraction: float, elapsed: float, past: PastRun | None) -> float | None:
    """Seconds of the whole job: the last run's, and more and more what is seen; None while nothing is known."""
    seen = elapsed / fraction if fraction >= SURE else None
    if past is None or seen is None:
        return past.seconds if past else seen
    share = min(1.0, fraction / TRUSTED)
    return share * seen + (1 - share) * past.seconds


def _steady(ends: Sequence[tuple[float, float]], left: float) -> bool:
    """Whether the expected end has moved by less than a fifth of what is left for some seconds."""
    now = ends[-1][0]
    recent = [end for when, end in ends if when >= now - 2 * STEADY_SECONDS]
    return now - ends[0][0] >= STEADY_SECONDS and max(recent) - min(recent) <= 0.2 * max(left, 5.0)


def _this_try(events: Sequence[Event]) -> Sequence[Event]:
    """Those since the job was last started: it may begin again before the point it had reached."""
    starts = [n for n, e in enumerate(events) if e.state is State.RUNNING and not e.stage and not e.line]
    return events[starts[-1] :] if len(starts) > 1 else events
