"""Routes of jobs: make, list, look, cancel, resume, delete, log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Body, Depends, Header, Query
from fastapi.responses import PlainTextResponse, Response

from easyphoto.api import models
from easyphoto.api.models import (
    CheckBody,
    JobId,
    Nothing,
    PortraitBody,
    PortraitFields,
    QuickBody,
    TrainBody,
    WeightsBody,
)
from easyphoto.api.pydantic_versions import given_fields
from easyphoto.api.routing import PASSTHROUGH, ApiRoute, AppContext, EventStream, context_of
from easyphoto.api.serializers import Json
from easyphoto.api.sse import stream
from easyphoto.domain import PortraitRequest, QuickRequest, TrainRequest
from easyphoto.jobs import CheckRequest, Kind, PictureRole, State, WeightsRequest
from easyphoto.jobs.requests import check_consent

router = APIRouter(prefix="/v1/jobs", route_class=ApiRoute)

_FURTHEST = 10**12  # number of an event


@router.post("/check", operation_id="checkPhotos", response_model=models.JOB, status_code=202)
def check(body: CheckBody, context: AppContext = Depends(context_of)) -> Json:
    """Judge photos."""
    request = CheckRequest(**(given_fields(body.request) if body.request else {}))
    return _submitted(context, Kind.CHECK, request, {PictureRole.PHOTO: body.photos})


@router.post("/train", operation_id="train", response_model=models.JOB, status_code=202)
def train(body: TrainBody, context: AppContext = Depends(context_of)) -> Json:
    """Train a person."""
    request = _request(context, TrainRequest, body.request)
    return _submitted(context, Kind.TRAIN, request, {PictureRole.PHOTO: body.photos})


@router.post("/portrait", operation_id="portrait", response_model=models.JOB, status_code=202)
def portrait(body: PortraitBody, context: AppContext = Depends(context_of)) -> Json:
    """Make portraits."""
    request = _request(context, PortraitRequest, body.request)
    for person in filter(None, request.persons):
        context.studio.library.open(person)  # one that is unknown is refused at once
    return _submitted(context, Kind.PORTRAIT, request, {PictureRole.TEMPLATE: body.templates})


@router.post("/quick", operation_id="quickPortrait", response_model=models.JOB, status_code=202)
def quick(body: QuickBody, context: AppContext = Depends(context_of)) -> Json:
    """Make portraits from photos alone."""
    given = given_fields(body.request)
    request = _request(context, QuickRequest, given.pop("portrait", PortraitFields()))
    pictures: dict[PictureRole, Any] = {PictureRole.PHOTO: body.photos, PictureRole.TEMPLATE: body.templates}
    return _submitted(context, Kind.QUICK, replace(request, **given), pictures)


@router.post("/weights", operation_id="fetchWeights", response_model=models.JOB, status_code=202)
def weights(body: WeightsBody, context: AppContext = Depends(context_of)) -> Json:
    """Fetch model files; GET weights says how large they are."""
    given = given_fields(body.request)
    request = WeightsRequest(tuple(given.pop("names", ())), **given)
    return _submitted(context, Kind.WEIGHTS, request, {})


def _request(context: AppContext, kind: Any, body: Any) -> Any:
    """The request with the defaults of its base model's family. Raises BadRequest, MissingModel."""
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in given_fields(body).items()
    }
    engine = context.studio.engine
    base = engine.checkpoint(fields.get("base_model") or engine.default())
    fields = {"base_model": base.name, **fields}
    if kind is QuickRequest:
        return QuickRequest.for_family(base.family, adapter=engine.identity_adapter(base.family), **fields)
    return kind.for_family(base.family, **fields)


def _submitted(context: AppContext, kind: Kind, request: Any, pictures: Mapping[PictureRole, Iterable[Any]]) -> Json:
    check_consent(request)
    items = {role: [given_fields(item) for item in given] for role, given in pictures.items()}
    with context.request_files.files(items) as files:
        return context.serializer.job(context.queue.submit(kind, request, files))


@router.get("", operation_id="listJobs", response_model=models.JOBS)
def list_jobs(
    kind: Kind | None = None,
    state: State | None = None,
    limit: int = Query(100, ge=1, le=1000),
    context: AppContext = Depends(context_of),
) -> Json:
    """Jobs, newest first."""
    jobs = context.queue.list(kind, [state] if state else (), limit)
    return {"jobs": [context.serializer.job(job) for job in jobs]}


@router.get("/{job}", operation_id="getJob", response_model=models.JOB)
async def get_job(job: JobId, context: AppContext = Depends(context_of)) -> Response:
    """How a job stands."""
    return Response(context.feed.job(job), media_type="application/json")


@router.delete("/{job}", operation_id="deleteJob", response_model=models.DELETED)
def delete(job: JobId, results: bool = False, context: AppContext = Depends(context_of)) -> Json:
    """Forget a job and its private files; with results, its portraits too."""
    context.queue.delete(job, results)
    return {"deleted": job}


@router.post("/{job}/cancel", operation_id="cancelJob", response_model=models.JOB)
def cancel(job: JobId, body: Nothing = Body(...), context: AppContext = Depends(context_of)) -> Json:
    """Ask a job to stop."""
    return context.serializer.job(context.queue.cancel(job))


@router.post("/{job}/resume", operation_id="resumeJob", response_model=models.JOB, status_code=202)
def resume(job: JobId, body: Nothing = Body(...), context: AppContext = Depends(context_of)) -> Json:
    """Go on with a job."""
    return context.serializer.job(context.queue.resume(job))


@router.get("/{job}/log", operation_id="jobLog", response_class=PlainTextResponse)
def log(job: JobId, context: AppContext = Depends(context_of)) -> Response:
    """The log as text."""
    text = context.serializer.clean(context.queue.log(job))
    return PlainTextResponse(text, headers={"Content-Disposition": f'attachment; filename="{job}.log"'})


@router.get("/{job}/history", operation_id="jobHistory", response_model=models.EVENTS)
def history(
    job: JobId,
    since: int = Query(0, ge=0, le=_FURTHEST),
    limit: int = Query(1000, ge=1, le=10000),
    context: AppContext = Depends(context_of),
) -> Json:
    """Events so far, for callers that cannot read a stream."""
    return {"events": [context.serializer.event(event) for event in context.queue.events(job, since, limit)]}


@router.get("/{job}/events", operation_id="jobEvents", response_class=EventStream)
async def events(
    job: JobId,
    since: int = Query(0, ge=0, le=_FURTHEST),
    last_event_id: str = Header(""),
    context: AppContext = Depends(context_of),
) -> Response:
    """Server-sent events until the job is over; send Last-Event-ID to go on."""
    context.queue.get(job)
    known = last_event_id.isascii() and last_event_id.isdecimal() and len(last_event_id) < 16
    news = stream(context.feed, job, int(last_event_id) if known else since)
    return EventStream(news, 200, {"X-Accel-Buffering": "no", **PASSTHROUGH})
