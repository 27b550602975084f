"""The original's two routes for its existing clients: synchronous, failures as status 200 with a message."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from PIL import Image
from starlette.concurrency import run_in_threadpool

from easyphoto.api import legacy_fields as fields
from easyphoto.api.routing import AppContext, JsonResult, RequestContext, Route
from easyphoto.api.schemas import TEXT, array_of, object_of
from easyphoto.domain import BUILTIN_CHECKPOINT, Checkpoint, PortraitRequest, TrainRequest
from easyphoto.errors import BadName, BadRequest, EasyPhotoError, NotFound
from easyphoto.jobs import Job, Kind, State
from easyphoto.library import slug

POLL_SECONDS = 0.5
MOST_OF_EACH = 16

USUAL_CHECKPOINT = "Chilloutmix-Ni-pruned-fp16-fix.safetensors"
"""What the original takes when a client names no checkpoint."""

CONSENT = "By this call the caller states that the person shown has agreed."


async def train(call: RequestContext) -> JsonResult:
    """`{message}`."""
    try:
        given = _given(call)
        job, notes = await run_in_threadpool(_train_job, call, given)
        done = await _ended(call.desk, job.id)
        said = _failure(call.desk, done) or "The training has been finished."
        return JsonResult({"message": " ".join([said, *notes])})
    except EasyPhotoError as error:
        return JsonResult({"message": _message(call.desk, error.as_json())})


def _train_job(call: RequestContext, given: fields.Given) -> tuple[Job, list[str]]:
    base, notes = _checkpoint(call.desk, given)
    wanted, more = fields.train_fields(given, base.family)
    request = TrainRequest.for_family(base.family, base_model=base.name, consent=True, **wanted)
    photos = fields.texts("instance_images", given.get("instance_images"))
    return _submit(call.desk, Kind.TRAIN, request, photos), [*notes, *more, CONSENT]


async def infer(call: RequestContext) -> JsonResult:
    """`{message, outputs, face_id_outputs}`."""
    try:
        given = _given(call)
        sitting = await run_in_threadpool(_portrait_jobs, call, given)
        done = [await _ended(call.desk, job.id) for job in sitting.jobs]
        return JsonResult(
            await run_in_threadpool(_delivered, call.desk, done, sitting, bool(given.get("display_score")))
        )
    except EasyPhotoError as error:
        return JsonResult({"message": _message(call.desk, error.as_json()), "outputs": [], "face_id_outputs": []})


@dataclass(frozen=True)
class LegacyResult:
    """The jobs of one call and what is to be said."""

    jobs: list[Job]
    notes: list[str]


def _portrait_jobs(call: RequestContext, given: fields.Given) -> LegacyResult:
    """As many jobs as pictures of each template are wanted, each with a seed of its own."""
    base, notes = _checkpoint(call.desk, given)
    wanted, more = fields.portrait_fields(given, base.family)
    count = fields.number("batch_size", given.get("batch_size", 1), int)
    if not 1 <= count <= MOST_OF_EACH:
        raise BadRequest(f"batch_size is {count}, outside 1 to {MOST_OF_EACH}.", stage="request")
    persons = tuple(_person_id(call.desk, person) for person in fields.person_ids(given))
    request = PortraitRequest.for_family(base.family, base_model=base.name, persons=persons, **wanted)
    seeds = [request.seed if request.seed < 0 else (request.seed + n) % 2**32 for n in range(count)]
    pictures = fields.pictures(given)
    requests = [PortraitRequest(**{**vars(request), "seed": seed}) for seed in seeds]
    jobs = [_submit(call.desk, Kind.PORTRAIT, each, pictures) for each in requests]
    return LegacyResult(jobs, [*notes, *more])


def _person_id(desk: AppContext, name: str) -> str:
    """Clients know their persons by the name they trained them under. Raises NotFound, BadName."""
    if not name:
        return name
    try:
        return desk.studio.library.open(name).id
    except (BadName, NotFound):
        return desk.studio.library.open(slug(name)).id


def _delivered(desk: AppContext, jobs: Iterable[Job], sitting: LegacyResult, with_scores: bool) -> dict[str, Any]:
    made: list[dict[str, Any]] = []
    problems: list[str] = []
    for job in jobs:
        result = job.result or {}
        made += result.get("portraits", [])
        problems += [_message(desk, failure) for failure in result.get("failures", [])]
        if not result and (failure := _failure(desk, job)):
            problems.append(failure)
    made.sort(key=lambda portrait: str(portrait["template"]))  # numbered, so all of a template are together
    scores = [pair for portrait in made for pair in _scores(desk, portrait)] if with_scores else []
    said = "Portraits have been made." if made else "No portrait has been made."
    message = " ".join([said, *problems, *sitting.notes])
    root = desk.studio.paths.root
    return {"message": message, "outputs": [_png(root / p["file"]) for p in made], "face_id_outputs": scores}


def _scores(desk: AppContext, portrait: dict[str, Any]) -> list[list[str]]:
    """For each face the reference picture and what its likeness is, both in base64."""
    found = []
    for score in portrait["likeness"]:
        text = f"{score['after']:.2f} (distance, lower is nearer), {score['person']}, the reference image"
        reference = desk.studio.library.open(score["person"]).reference
        found.append([_png(reference), base64.b64encode(text.encode()).decode()])
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


def _given(call: RequestContext) -> fields.Given:
    if not isinstance(call.body, dict):
        raise BadRequest("The body must be an object.", stage="request")
    return call.body


def _checkpoint(desk: AppContext, given: fields.Given) -> tuple[Checkpoint, list[str]]:
    """The named one, else the usual one, else the engine's first one with a note. Raises MissingModel, BadRequest."""
    named = given.get("sd_model_checkpoint")
    if named is not None and not isinstance(named, str):
        raise BadRequest("sd_model_checkpoint must be a name.", stage="request")
    if named:
        return desk.studio.engine.checkpoint(named), []
    usual = (USUAL_CHECKPOINT, USUAL_CHECKPOINT.removesuffix(".safetensors"))
    if found := next((known for known in desk.studio.engine.checkpoints() if known.name in usual), None):
        return found, []
    first = desk.studio.engine.checkpoint(desk.studio.engine.default())
    name = "the built-in base model" if first.name == BUILTIN_CHECKPOINT else first.name
    return first, [f"{USUAL_CHECKPOINT} is not here; {name} was used."]


def _submit(desk: AppContext, kind: Kind, request: Any, pictures: list[str]) -> Job:
    items = [{"name": f"picture-{number:04d}", "data": data} for number, data in enumerate(pictures, 1)]
    with desk.intake.files(items) as files:
        return desk.queue.submit(kind, request, files)


async def _ended(desk: AppContext, job_id: str) -> Job:
    """Waits without holding a thread; a caller that hangs up leaves the job running."""
    while not (job := desk.queue.get(job_id)).over:
        await asyncio.sleep(POLL_SECONDS)
    return job


def _failure(desk: AppContext, job: Job) -> str:
    if job.state is State.DONE:
        return ""
    return _message(desk, job.error) if job.error else f"The job was {job.state.value}."


def _message(desk: AppContext, error: dict[str, Any]) -> str:
    parts = [error.get("problem", ""), f"[{error['file']}]" if error.get("file") else "", error.get("remedy", "")]
    return str(desk.tell.clean(" ".join(part for part in parts if part)))


_ANYTHING = {"type": "object", "description": "The field names of the original extension."}
_PAIRS = array_of(array_of(TEXT, minItems=2, maxItems=2))

ROUTES = (
    Route(
        "POST",
        "/easyphoto_train_forward",
        "legacyTrain",
        "The original's training, synchronous.",
        train,
        object_of({"message": TEXT}),
        body=_ANYTHING,
        lenient=True,
    ),
    Route(
        "POST",
        "/easyphoto_infer_forward",
        "legacyInfer",
        "The original's portrait, synchronous.",
        infer,
        object_of({"message": TEXT, "outputs": array_of(TEXT), "face_id_outputs": _PAIRS}),
        body=_ANYTHING,
        lenient=True,
    ),
)
