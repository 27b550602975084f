"""The original's two routes for its existing clients: synchronous, failures as status 200 with a message."""

from __future__ import annotations

import asyncio
import base64
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Body, Depends
from PIL import Image
from starlette.concurrency import run_in_threadpool

from easyphoto.api import legacy_failures, models
from easyphoto.api import legacy_fields as fields
from easyphoto.api.routing import AppContext, LegacyRoute, context_of
from easyphoto.api.serializers import Json
from easyphoto.domain import BUILTIN_CHECKPOINT, Checkpoint, ModelFamily, PortraitRequest, TrainRequest
from easyphoto.errors import BadName, BadRequest, EasyPhotoError, NotFound
from easyphoto.jobs import Job, Kind, State
from easyphoto.jobs.job import ROLES
from easyphoto.library import slug
from easyphoto.locales import from_json, message, text

POLL_SECONDS = 0.5
MOST_OF_EACH = 16

USUAL_CHECKPOINT = "Chilloutmix-Ni-pruned-fp16-fix.safetensors"
"""What the original takes when a client names no checkpoint."""

router = APIRouter(route_class=LegacyRoute)

CONSENT_SETTING = "EASYPHOTO_LEGACY_CONSENT"
"""Environment variable; 1: whoever runs the program answers for the consent of everybody its clients train."""


@router.post("/easyphoto_train_forward", operation_id="legacyTrain", response_model=models.LEGACY_TRAIN)
async def train(given: dict[str, Any] = Body(...), context: AppContext = Depends(context_of)) -> Json:
    """The original's training, synchronous; fields have the names of the original extension."""
    try:
        job, notes = await run_in_threadpool(_train_job, context, given)
        done = await _ended(context, job.id)
        said = _failure(context, done) or text("legacy.trained")
        not_done = [str(from_json(note)) for note in (done.result or {}).get("notes", ())]
        return {"message": " ".join([said, *not_done, *notes])}
    except EasyPhotoError as error:
        return {"message": _message(context, error.as_json())}


def _consent(given: fields.Given) -> bool:
    """The original asks for none; here the client says it, or whoever runs the program. Raises BadRequest."""
    if given.get("consent") is not True and os.environ.get(CONSENT_SETTING) != "1":
        raise BadRequest("legacy.no-consent", stage="request", setting=CONSENT_SETTING)
    return True


def _train_job(context: AppContext, given: fields.Given) -> tuple[Job, list[str]]:
    base, notes = _checkpoint(context, given)
    wanted, more = fields.train_fields(given, base.family)
    request = TrainRequest.for_family(base.family, base_model=base.name, consent=_consent(given), **wanted)
    photos = fields.texts("instance_images", given.get("instance_images"))
    return _submit(context, Kind.TRAIN, request, photos), [*notes, *more]


@router.post("/easyphoto_infer_forward", operation_id="legacyInfer", response_model=models.LEGACY_INFER)
async def infer(given: dict[str, Any] = Body(...), context: AppContext = Depends(context_of)) -> Json:
    """The original's portraits, synchronous; fields have the names of the original extension."""
    try:
        call = await run_in_threadpool(_portrait_jobs, context, given)
        done = [await _ended(context, job.id) for job in call.jobs]
        return await run_in_threadpool(_delivered, context, done, call, bool(given.get("display_score")))
    except EasyPhotoError as error:
        return {"message": _message(context, error.as_json()), "outputs": [], "face_id_outputs": []}


@router.post("/easyphoto_video_infer_forward", operation_id="legacyVideo", response_model=models.LEGACY_VIDEO)
async def video(given: dict[str, Any] = Body(...)) -> Json:
    """The original's videos, which are not made here."""
    return {"message": text("legacy.no-videos"), "outputs": []}


@dataclass(frozen=True)
class LegacyResult:
    """The jobs of one call and what is to be said."""

    jobs: list[Job]
    notes: list[str]


def _portrait_jobs(context: AppContext, given: fields.Given) -> LegacyResult:
    """As many jobs as pictures of each template are wanted, each with a seed of its own."""
    persons = tuple(_person_id(context, person) for person in fields.person_ids(given))
    base, notes = _checkpoint(context, given, persons)
    wanted, more = fields.portrait_fields(given, base.family)
    count = fields.number("batch_size", given.get("batch_size", 1), int)
    if not 1 <= count <= MOST_OF_EACH:
        raise BadRequest("field.batch-size", stage="request", count=count, most=MOST_OF_EACH)
    request = PortraitRequest.for_family(base.family, base_model=base.name, persons=persons, **wanted)
    seeds = [request.seed if request.seed < 0 else (request.seed + n) % 2**32 for n in range(count)]
    pictures = fields.pictures(given)
    requests = [PortraitRequest(**{**vars(request), "seed": seed}) for seed in seeds]
    jobs = [_submit(context, Kind.PORTRAIT, each, pictures) for each in requests]
    return LegacyResult(jobs, [*notes, *more])


def _person_id(context: AppContext, name: str) -> str:
    """Clients know their persons by the name they trained them under. Raises NotFound, BadName."""
    if not name:
        return name
    try:
        return context.studio.library.open(name).id
    except (BadName, NotFound):
        return context.studio.library.open(slug(name)).id


def _delivered(context: AppContext, jobs: Iterable[Job], call: LegacyResult, with_scores: bool) -> dict[str, Any]:
    made: list[dict[str, Any]] = []
    problems: list[str] = []
    for job in jobs:
        result = job.result or {}
        made += result.get("portraits", [])
        problems += [_message(context, failure) for failure in result.get("failures", [])]
        if not result and (failure := _failure(context, job)):
            problems.append(failure)
    made.sort(key=lambda portrait: str(portrait["template"]))  # numbered, so all of a template are together
    scores = [pair for portrait in made for pair in _scores(context, portrait)] if with_scores else []
    said = text("legacy.portraits") if made else text("legacy.no-portrait")
    remarks = [str(from_json(note)) for portrait in made for note in portrait.get("notes", ())]
    told = " ".join([said, *problems, *dict.fromkeys(remarks), *call.notes])
    root = context.studio.paths.root
    return {"message": told, "outputs": [_png(root / p["file"]) for p in made], "face_id_outputs": scores}


def _scores(context: AppContext, portrait: dict[str, Any]) -> list[list[str]]:
    """For each face the reference picture and what its likeness is, both in base64."""
    found = []
    for score in portrait["likeness"]:
        said = text("legacy.score", distance=score["after"], person=score["person"])
        reference = context.studio.library.open(score["person"]).reference
        found.append([_png(reference), base64.b64encode(said.encode()).decode()])
    return found


def _png(file: Any) -> str:
    """Base64, as PNG whatever it was."""
    data = file.read_bytes()
    if not data.startswith(b"\x89PNG"):
        stream = io.BytesIO()
        with Image.open(io.BytesIO(data)) as picture:
            picture.save(stream, "PNG")
        data = stream.getvalue()
    return base64.b64encode(data).decode()


# ---------------------------------------------------------------- both


def _checkpoint(context: AppContext, given: fields.Given, persons: Iterable[str] = ()) -> tuple[Checkpoint, list[str]]:
    """The named one, else the usual one, else the engine's first one with a note.

    The original's clients name the usual one without their user's doing, so that another stands in for it where the
    LoRAs of all `persons` fit. Raises MissingModel, BadRequest.
    """
    named = given.get("sd_model_checkpoint")
    if named is not None and not isinstance(named, str):
        raise BadRequest("field.no-checkpoint-name", stage="request")
    engine, usual = context.studio.engine, (USUAL_CHECKPOINT, USUAL_CHECKPOINT.removesuffix(".safetensors"))
    if named and named not in usual:
        return engine.checkpoint(named), []
    if found := next((known for known in engine.checkpoints() if known.name in usual), None):
        return found, []
    first = engine.checkpoint(engine.default())
    if named and not _families(context, persons) <= {first.family}:
        return engine.checkpoint(named), []  # which is refused by its name
    name = message("legacy.built-in") if first.name == BUILTIN_CHECKPOINT else first.name
    return first, [text("legacy.checkpoint-replaced", asked=USUAL_CHECKPOINT, used=name)]


def _families(context: AppContext, persons: Iterable[str]) -> set[ModelFamily]:
    """Of the LoRAs of those persons who have one."""
    found = [context.studio.library.open(person).lora for person in persons if person]
    return {lora.family for lora in found if lora is not None}


def _submit(context: AppContext, kind: Kind, request: Any, pictures: list[str]) -> Job:
    items = [{"name": f"picture-{number:04d}", "data": data} for number, data in enumerate(pictures, 1)]
    with context.request_files.files({ROLES[kind][0]: items}) as files:
        return context.queue.submit(kind, request, files)


async def _ended(context: AppContext, job_id: str) -> Job:
    """Waits without holding a thread; a caller that hangs up leaves the job running."""
    while not (job := context.queue.get(job_id)).over:
        await asyncio.sleep(POLL_SECONDS)
    return job


def _failure(context: AppContext, job: Job) -> str:
    if job.state is State.DONE:
        return ""
    return _message(context, job.error) if job.error else text("legacy.job-ended", state=job.state.value)


def _message(context: AppContext, error: dict[str, Any]) -> str:
    return str(context.serializer.clean(legacy_failures.sentence(error)))
