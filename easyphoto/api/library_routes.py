"""Routes of the library: persons, templates, uploads, pictures; and of forms, model files and the doctor."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import Response
from starlette.background import BackgroundTask

from easyphoto import deletion
from easyphoto.api import models
from easyphoto.api.middleware import OWN_FRAMES
from easyphoto.api.models import (
    ArchiveData,
    FileBody,
    NameBody,
    PersonId,
    PictureToken,
    TemplateId,
    UploadId,
    UploadReference,
)
from easyphoto.api.parsing import decoded
from easyphoto.api.routing import PASSTHROUGH, ApiRoute, AppContext, PictureFile, ZipFile, context_of
from easyphoto.api.serializers import Json
from easyphoto.diagnostics import MISSING
from easyphoto.domain import ModelFamily, PortraitRequest, TrainRequest
from easyphoto.errors import BadRequest, NotFound
from easyphoto.jobs.requests import as_json
from easyphoto.library.names import file_safe
from easyphoto.library.report import read_report
from easyphoto.library.uploads import request_folder, scratch_folder
from easyphoto.weights import FileState

router = APIRouter(prefix="/v1", route_class=ApiRoute)

# ---------------------------------------------------------------- persons


@router.get("/persons", operation_id="listPersons", response_model=models.PERSONS)
def list_persons(context: AppContext = Depends(context_of)) -> Json:
    """Everybody who is trained."""
    return {"persons": [context.serializer.person(person) for person in context.studio.library.list()]}


@router.post("/persons", operation_id="importPerson", response_model=models.PERSON, status_code=201)
def import_person(body: ArchiveData | UploadReference = Body(...), context: AppContext = Depends(context_of)) -> Json:
    """Import a zip."""
    with scratch_folder(context.request_files.folder) as folder:
        person = context.studio.library.import_(_archive(body, context, folder / "person.zip"))
    return context.serializer.person(person)


def _archive(body: ArchiveData | UploadReference, context: AppContext, place: Path) -> Path:
    """The body's file, at `place` unless it was uploaded before."""
    if isinstance(body, UploadReference):
        return context.uploads.open(body.upload).file
    place.write_bytes(decoded(body.data, context.access.max_body))
    return place


@router.get("/persons/{person}", operation_id="getPerson", response_model=models.PERSON)
def get_person(person: PersonId, context: AppContext = Depends(context_of)) -> Json:
    """One person."""
    return context.serializer.person(context.studio.library.open(person))


@router.patch("/persons/{person}", operation_id="renamePerson", response_model=models.PERSON)
def rename_person(person: PersonId, body: NameBody, context: AppContext = Depends(context_of)) -> Json:
    """Another display name; the id stays."""
    return context.serializer.person(context.studio.library.rename(person, body.name))


@router.delete("/persons/{person}", operation_id="deletePerson", response_model=models.DELETED_PERSON)
def delete_person(person: PersonId, body: NameBody = Body(...), context: AppContext = Depends(context_of)) -> Json:
    """Delete every file of a person; the body repeats the name."""
    found = context.studio.library.open(person)
    if body.name.strip() != found.name:
        raise BadRequest("person.name-mismatch", stage="remove")
    removed = asdict(deletion.delete_person(found.id, context.studio))
    return {"id": found.id, **removed, "left": len(removed["left"])}


@router.get("/persons/{person}/report", operation_id="personReport")
def report(person: PersonId, context: AppContext = Depends(context_of)) -> dict[str, Any]:
    """How a person was trained."""
    file = context.studio.library.open(person).report
    if file is None:
        raise NotFound("person.no-report", stage="report")
    facts: Json = context.serializer.clean(read_report(file))
    return facts


@router.get("/persons/{person}/export", operation_id="exportPerson", response_class=ZipFile)
def export_person(person: PersonId, context: AppContext = Depends(context_of)) -> Response:
    """Everything of a person as one zip."""
    found = context.studio.library.open(person)
    folder = request_folder(context.request_files.folder)
    file = folder / f"{found.id}.zip"
    try:
        context.studio.library.export(found.id, file)
    except BaseException:
        shutil.rmtree(folder)
        raise
    gone = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return ZipFile(file, headers=PASSTHROUGH, background=gone, filename=f"EasyPhoto {file_safe(found.name)}.zip")


# ---------------------------------------------------------------- templates, uploads, pictures


@router.get("/templates", operation_id="listTemplates", response_model=models.TEMPLATES)
def list_templates(context: AppContext = Depends(context_of)) -> Json:
    """The shipped templates and the user's own."""
    return {"templates": [context.serializer.template(found) for found in context.templates.list()]}


@router.post("/templates", operation_id="addTemplate", response_model=models.TEMPLATE, status_code=201)
def add_template(body: FileBody, context: AppContext = Depends(context_of)) -> Json:
    """Add one of the user's own."""
    with scratch_folder(context.request_files.folder) as folder:
        place = folder / "template"
        place.write_bytes(decoded(body.data, context.access.max_picture))
        added = context.templates.add(place, Path(body.name).stem)
    return context.serializer.template(added)


@router.delete("/templates/{template}", operation_id="removeTemplate", response_model=models.DELETED)
def remove_template(template: TemplateId, context: AppContext = Depends(context_of)) -> Json:
    """Remove one of the user's own."""
    context.templates.remove(template)
    return {"deleted": template}


@router.post("/uploads", operation_id="addUpload", response_model=models.UPLOAD, status_code=201)
def add_upload(body: FileBody, context: AppContext = Depends(context_of)) -> Json:
    """Bring a file for requests to come; it is kept for a day."""
    data = decoded(body.data, context.access.max_body)
    upload = context.uploads.add(body.name, data)
    return {"id": upload.id, "name": upload.name, "bytes": len(data)}


@router.delete("/uploads/{upload}", operation_id="removeUpload", response_model=models.DELETED)
def remove_upload(upload: UploadId, context: AppContext = Depends(context_of)) -> Json:
    """Remove an upload at once."""
    context.uploads.remove(upload)
    return {"deleted": upload}


@router.get("/pictures/{token}", operation_id="getPicture", response_class=PictureFile)
def picture(token: PictureToken, context: AppContext = Depends(context_of)) -> Response:
    """A picture by its token, for this caller's cache only."""
    file, kind = context.pictures.open(token)
    headers = {"Cache-Control": "private, max-age=3600", "Content-Security-Policy": f"sandbox; {OWN_FRAMES}"}
    return PictureFile(file, headers=headers, media_type=kind)


# ---------------------------------------------------------------- forms, doctor


@router.get("/forms", operation_id="getForms", response_model=models.FORMS)
def forms(request: Request, context: AppContext = Depends(context_of)) -> Json:
    """Schemas, defaults and base models for forms."""
    checkpoints, first = context.studio.engine.checkpoints(), context.studio.engine.default()
    known = [{"name": c.name, "family": c.family.value} for c in checkpoints]
    ordered = sorted(checkpoints, key=lambda c: c.name != first)
    firsts = {family: next((c.name for c in ordered if c.family == family), "") for family in ModelFamily}
    defaults = {family.value: _defaults(context, family, firsts[family]) for family in ModelFamily}
    schemas = request.app.openapi()["components"]["schemas"]
    requests = {"train": schemas["TrainRequest"], "portrait": schemas["PortraitRequest"]}
    toolboxes = list(context.studio.toolboxes.names)
    return {
        "requests": requests,
        "defaults": defaults,
        "base_models": known,
        "base_model": first,
        "toolboxes": toolboxes,
    }


def _defaults(context: AppContext, family: ModelFamily, base: str) -> dict[str, Any]:
    """With the base model of the family that is offered first; "" where there is none."""
    kinds: dict[str, Any] = {"train": TrainRequest, "portrait": PortraitRequest}
    requests = {name: kind.for_family(family, base_model=base) for name, kind in kinds.items()}
    plain: dict[str, Any] = as_json(requests, context.studio.paths.root)
    return plain


@router.get("/weights", operation_id="listWeights", response_model=models.WEIGHTS)
def weights(context: AppContext = Depends(context_of)) -> Json:
    """Model files that the program can use, and which of them are there."""
    store = context.studio.weights
    return {"weights": [_weight(store.state(file)) for file in store.catalog]}


def _weight(state: FileState) -> Json:
    file = state.file
    facts = {"id": file.id, "role": file.role, "license": file.license, "commercial": file.commercial}
    lists = {"groups": list(file.groups), "substitutes": list(file.substitutes)}
    return {**facts, **lists, "bytes": state.bytes, "state": state.presence.value}


@router.get("/doctor", operation_id="getDoctor", response_model=models.DIAGNOSIS)
def doctor(context: AppContext = Depends(context_of)) -> Json:
    """What is installed and what is missing, without a word about the user."""
    findings = [finding.as_json() for finding in context.examine()]
    facts: Json = {"ok": all(f["state"] != MISSING for f in findings), "findings": findings}
    return {**context.serializer.clean(facts)}
