"""Where a job stands over all its stages: one fraction that never goes back, and the time left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from easyphoto.jobs import Event, Job, Kind, State

SPANS: dict[Kind, dict[str, tuple[float, float]]] = {
    Kind.CHECK: {"check photos": (0.0, 1.0)},
    Kind.TRAIN: {
        "check photos": (0.0, 0.05),
        "prepare photos": (0.05, 0.2),
        "train": (0.2, 0.98),
    },
}
"""Share of the whole that each stage takes, roughly as measured; unknown stages do not move the bar."""

PAINTING = ("fusion", "first pass", "color", "second fusion", "second pass", "retouch", "detail")
ALMOST = 0.99  # the rest is for those that are done
SURE = 0.04  # below this fraction a guess of the time left is not worth saying


@dataclass(frozen=True)
class ProgressEstimate:
    """What the progress bar says."""

    fraction: float  # 0..1 over all stages
    elapsed: float  # seconds
    left: float | None  # seconds, None while it cannot be told


def estimate_progress(job: Job, events: Sequence[Event], now: float) -> ProgressEstimate:
    """From the job's newest snapshot and its events; `now` in seconds since 1970."""
    if job.state is State.DONE:
        return ProgressEstimate(1.0, max(0.0, job.ended - job.started), 0.0)
    fraction = min(progress_of(job, events), ALMOST)
    until = job.ended if job.over else now
    elapsed = max(0.0, until - job.started) if job.started else 0.0
    left = elapsed * (1 - fraction) / fraction if fraction >= SURE and not job.over else None
    return ProgressEstimate(fraction, elapsed, left)


def progress_of(job: Job, events: Sequence[Event]) -> float:
    """The farthest point reached, 0..1."""
    if job.kind is Kind.PORTRAIT:
        return _portrait(job, events)
    spans, best = SPANS[job.kind], 0.0
    for event in events:
        if event.stage in spans:
            low, high = spans[event.stage]
            best = max(best, low + (high - low) * _share(event))
    return best


def _portrait(job: Job, events: Sequence[Event]) -> float:
    """Templates behind us, plus the part of the current one."""
    rounds = max(1, len([p for p in job.request.get("persons", ()) if p])) * max(1, int(job.request.get("best_of", 1)))
    behind, seen, best = 0.0, 0, 0.0
    total = max(1, len(job.files))
    for event in events:
        if event.stage == "portrait":
            behind, seen, total = float(event.done), 0, max(1, event.total)
            best = max(best, behind / total)
        if event.stage in PAINTING and event.done == 0:  # the first stage of a face
            seen += 1
        if event.stage in PAINTING:
            inner = (max(0, seen - 1) + _share(event)) / rounds
            best = max(best, (behind + min(0.98, inner)) / total)
    return min(1.0, best)


def _share(event: Event) -> float:
    return min(1.0, event.done / event.total) if event.total > 0 else 0.0
