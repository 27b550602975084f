"""Where a job stands over all its stages: one fraction that never goes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from easyphoto.domain import PortraitRequest, QuickRequest, TrainRequest
from easyphoto.errors import EasyPhotoError
from easyphoto.jobs import Event, Job, Kind, State
from easyphoto.jobs.requests import read_request
from easyphoto.stages import CHECKING, FETCHING, IN_TURNS, PREPARING, WITHIN, Stage, spans

Request = TypeVar("Request", TrainRequest, PortraitRequest, QuickRequest)
Weights = Mapping[Stage, float]
"""Durations of stages beside each other; the stages' own where one is missing."""

ALMOST = 0.99  # the rest is for those that are done
PHOTOS = (
    0.2  # of a quick portrait's time that its photos take, roughly: the first template waits for two to be made crisp
)
_JOURNEYS = {Kind.CHECK: CHECKING, Kind.WEIGHTS: FETCHING}


def fraction_of(job: Job, events: Sequence[Event], weights: Weights | None = None) -> float:
    """The farthest point reached, 0..1; 1 for jobs that are done only."""
    return 1.0 if job.state is State.DONE else min(progress_of(job, events, weights), ALMOST)


def progress_of(job: Job, events: Sequence[Event], weights: Weights | None = None) -> float:
    """The farthest point reached, 0..1."""
    if job.kind is Kind.PORTRAIT:
        return _portrait(_asked(PortraitRequest, job), len(job.files), events)
    if job.kind is Kind.QUICK:
        made = _portrait(_asked(QuickRequest, job).portrait, len(job.files), events)
        return PHOTOS * _along(PREPARING, events, {}) + (1 - PHOTOS) * made
    return _along(stages_of(job), events, weights or {})


def stages_of(job: Job) -> tuple[Stage, ...]:
    """What a check, a download or a training does, in order."""
    return _JOURNEYS.get(job.kind) or _asked(TrainRequest, job).stages


def _along(journey: tuple[Stage, ...], events: Sequence[Event], weights: Weights) -> float:
    """The parts of all stages that are behind us; a stage is when a later one has begun that does not take turns."""
    shares = dict.fromkeys(journey, 0.0)
    for event in events:
        if event.stage not in shares:
            continue
        now = Stage(event.stage)
        for stage in journey[: journey.index(now)]:
            if not {stage, now} <= set(IN_TURNS):
                shares[stage] = 1.0
        shares[now] = max(shares[now], _share(event))
    taken = {stage: weights.get(stage, stage.weight) for stage in journey}
    return sum(taken[stage] * share for stage, share in shares.items()) / (sum(taken.values()) or 1.0)


def _portrait(request: PortraitRequest, templates: int, events: Sequence[Event]) -> float:
    """Templates behind us, plus the part of the current one."""
    stages = request.face_stages
    parts, rounds = spans(stages), max(1, sum(1 for person in request.persons if person)) * request.best_of
    total, behind, face, number, best = max(1, templates) * request.variations, 0.0, -1, 0, 0.0
    for event in events:
        if event.stage == Stage.PORTRAIT:
            behind, face, number, total = float(event.done), -1, 0, max(1, event.total)
            best = max(best, behind / total)
        elif event.stage in stages:
            face += event.done == 0  # the first stage of a face
            number = min(event.done, len(parts) - 1)
            best = max(best, (behind + _rounds(face, parts[number][0], rounds)) / total)
        elif event.stage in WITHIN and face >= 0:
            best = max(best, (behind + _rounds(face, _within(parts[number], _share(event)), rounds)) / total)
    return min(1.0, best)


def _asked(kind: type[Request], job: Job) -> Request:
    """The request as it was made; the standard one where this version reads it no more."""
    try:
        return read_request(kind, job.request)
    except EasyPhotoError:
        return kind()


def _rounds(behind: int, inner: float, rounds: int) -> float:
    """Faces behind us and the part of the current one, as a part of a template; 1 is for templates that are done."""
    return min(0.98, (max(0, behind) + inner) / rounds)


def _within(part: tuple[float, float], share: float) -> float:
    low, high = part
    return low + (high - low) * share


def _share(event: Event) -> float:
    return min(1.0, event.done / event.total) if event.total > 0 else 0.0
