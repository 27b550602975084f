"""Routes of jobs: make, list, look, cancel, resume, delete, log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from easyphoto.api.routing import PASSTHROUGH, EncodedJson, JsonResult, RequestContext, Route
from easyphoto.api.schemas import FLAG, Schema, array_of, object_of, ref
from easyphoto.api.sse import stream
from easyphoto.domain import PortraitRequest, TrainRequest
from easyphoto.jobs import CheckRequest, Job, Kind, State
from easyphoto.jobs.queue import MOST_FILES
from easyphoto.jobs.requests import checked_fields

_PHOTOS = array_of(ref("Photo"), minItems=1, maxItems=MOST_FILES)
_TEMPLATES = array_of(ref("TemplatePicture"), minItems=1, maxItems=MOST_FILES)
_NOTHING = object_of({})


def check(call: RequestContext) -> JsonResult:
    """Verdicts on photos, as a job."""
    return _submitted(call, Kind.CHECK, CheckRequest(), call.body["photos"])


def train(call: RequestContext) -> JsonResult:
    """A training; fields that are not given have the defaults of the base model's family."""
    return _submitted(call, Kind.TRAIN, made(call, TrainRequest, call.body["request"]), call.body["photos"])


def portrait(call: RequestContext) -> JsonResult:
    """Portraits of every template."""
    return _submitted(call, Kind.PORTRAIT, made(call, PortraitRequest, call.body["request"]), call.body["templates"])


def made(call: RequestContext, kind: Any, given: Mapping[str, Any]) -> Any:
    """The request with the defaults of its base model's family. Raises BadRequest, MissingModel."""
    fields = checked_fields(kind, given)
    engine = call.desk.studio.engine
    base = engine.checkpoint(fields.get("base_model") or engine.default())
    return kind.for_family(base.family, **{"base_model": base.name, **fields})


def _submitted(call: RequestContext, kind: Kind, request: Any, items: list[Mapping[str, Any]]) -> JsonResult:
    with call.desk.intake.files(items) as files:
        return _told(call, call.desk.queue.submit(kind, request, files), 202)


def _told(call: RequestContext, job: Job, status: int = 200) -> JsonResult:
    return JsonResult(call.desk.tell.job(job), status)


def list_jobs(call: RequestContext) -> JsonResult:
    """Newest first."""
    kind, state = call.query["kind"], call.query["state"]
    jobs = call.desk.queue.list(Kind(kind) if kind else None, [State(state)] if state else (), call.query["limit"])
    return JsonResult({"jobs": [call.desk.tell.job(job) for job in jobs]})


def get_job(call: RequestContext) -> JsonResult:
    """How it stands."""
    return JsonResult(EncodedJson(call.desk.feed.job(call.path["job"])))


def cancel(call: RequestContext) -> JsonResult:
    """Ask it to stop."""
    return _told(call, call.desk.queue.cancel(call.path["job"]))


def resume(call: RequestContext) -> JsonResult:
    """Put it into the line again."""
    return _told(call, call.desk.queue.resume(call.path["job"]), 202)


def delete(call: RequestContext) -> JsonResult:
    """Forget it."""
    call.desk.queue.delete(call.path["job"], call.query["results"])
    return JsonResult({"deleted": call.path["job"]})


def log(call: RequestContext) -> Response:
    """Its log as text."""
    text = call.desk.tell.clean(call.desk.queue.log(call.path["job"]))
    return PlainTextResponse(text, headers={"Content-Disposition": f'attachment; filename="{call.path["job"]}.log"'})


def history(call: RequestContext) -> JsonResult:
    """Events so far, for callers that cannot read a stream."""
    events = call.desk.queue.events(call.path["job"], call.query["since"], call.query["limit"])
    return JsonResult({"events": [call.desk.tell.event(event) for event in events]})


def events(call: RequestContext) -> Response:
    """Events as they come, until the job is over; a caller that comes again says which was its last."""
    job = call.desk.queue.get(call.path["job"])
    last = call.headers.get("last-event-id", "")
    since = int(last) if last.isascii() and last.isdecimal() and len(last) < 16 else call.query["since"]
    headers = {
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",
        "X-Content-Type-Options": "nosniff",
        **PASSTHROUGH,
    }
    news = stream(call.desk.feed, job.id, since)
    return StreamingResponse(news, 200, headers, "text/event-stream")


def _choice(values: type[Kind] | type[State]) -> Schema:
    return {"type": "string", "enum": [value.value for value in values]}


def _count(default: int, low: int, high: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high, "default": default}


_LIST = {"kind": _choice(Kind), "state": _choice(State), "limit": _count(100, 1, 1000)}
_SINCE: dict[str, Schema] = {"since": _count(0, 0, 10**12)}
_TRAIN = object_of({"request": ref("TrainRequest"), "photos": _PHOTOS})
_PORTRAIT = object_of({"request": ref("PortraitRequest"), "templates": _TEMPLATES})
_JOB, _JOBS = ref("Job"), object_of({"jobs": array_of(ref("Job"))})
_EVENTS = object_of({"events": array_of(ref("Event"))})
_DELETED = object_of({"deleted": {"type": "string"}})

ROUTES = (
    Route("POST", "/v1/jobs/check", "checkPhotos", "Judge photos.", check, _JOB, 202, object_of({"photos": _PHOTOS})),
    Route("POST", "/v1/jobs/train", "train", "Train a person.", train, _JOB, 202, _TRAIN),
    Route("POST", "/v1/jobs/portrait", "portrait", "Make portraits.", portrait, _JOB, 202, _PORTRAIT),
    Route("GET", "/v1/jobs", "listJobs", "Jobs, newest first.", list_jobs, _JOBS, query=_LIST),
    Route("GET", "/v1/jobs/{job}", "getJob", "How a job stands.", get_job, _JOB, light=True),
    Route(
        "DELETE",
        "/v1/jobs/{job}",
        "deleteJob",
        "Forget a job and its private files; with results, its portraits too.",
        delete,
        _DELETED,
        query={"results": {**FLAG, "default": False}},
    ),
    Route("POST", "/v1/jobs/{job}/cancel", "cancelJob", "Ask a job to stop.", cancel, _JOB, body=_NOTHING),
    Route("POST", "/v1/jobs/{job}/resume", "resumeJob", "Go on with a job.", resume, _JOB, 202, _NOTHING),
    Route("GET", "/v1/jobs/{job}/log", "jobLog", "The log as text.", log, media="text/plain"),
    Route(
        "GET",
        "/v1/jobs/{job}/events",
        "jobEvents",
        "Server-sent events; send Last-Event-ID to go on.",
        events,
        query=_SINCE,
        media="text/event-stream",
        light=True,
    ),
    Route(
        "GET",
        "/v1/jobs/{job}/history",
        "jobHistory",
        "Events so far.",
        history,
        _EVENTS,
        query=_SINCE | {"limit": _count(1000, 1, 10000)},
    ),
)
