"""Routes of what lies on the shelf: persons, templates, uploads, pictures; and of forms and the doctor."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi.responses import FileResponse, Response
from starlette.background import BackgroundTask

from easyphoto.api.parsing import decoded
from easyphoto.api.routing import PASSTHROUGH, JsonResult, RequestContext, Route
from easyphoto.api.schemas import (
    COUNT,
    FILE,
    FILE_OR_UPLOAD,
    FLAG,
    NAME,
    TEXT,
    array_of,
    map_of,
    object_of,
    ref,
    request_schema,
)
from easyphoto.api.uploads import request_folder
from easyphoto.diagnostics import MISSING
from easyphoto.domain import ModelFamily, PortraitRequest, TrainRequest
from easyphoto.errors import BadRequest, NotFound
from easyphoto.jobs.requests import as_json

PRIVATE = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}

# ---------------------------------------------------------------- persons


def list_persons(call: RequestContext) -> JsonResult:
    """Everybody."""
    return JsonResult({"persons": [call.desk.tell.person(person) for person in call.desk.studio.library.list()]})


def get_person(call: RequestContext) -> JsonResult:
    """One of them."""
    return JsonResult(call.desk.tell.person(call.desk.studio.library.open(call.path["person"])))


def rename_person(call: RequestContext) -> JsonResult:
    """Another display name; the id stays."""
    return JsonResult(call.desk.tell.person(call.desk.studio.library.rename(call.path["person"], call.body["name"])))


def delete_person(call: RequestContext) -> JsonResult:
    """Every file of theirs, after their name was typed. Raises BadRequest for another name."""
    person = call.desk.studio.library.open(call.path["person"])
    if call.body["name"].strip() != person.name:
        raise BadRequest("That is not the person's name.", stage="remove", remedy="Type the name as it is shown.")
    removed = asdict(call.desk.studio.remove_person(person.id))
    return JsonResult({"id": person.id, **removed, "left": len(removed["left"])})


def report(call: RequestContext) -> JsonResult:
    """How the training went. Raises NotFound for a person without one."""
    file = call.desk.studio.library.open(call.path["person"]).report
    if file is None:
        raise NotFound("There is no report of this training.", stage="report")
    return JsonResult(call.desk.tell.clean(json.loads(file.read_text(encoding="utf-8"))))


def export_person(call: RequestContext) -> Response:
    """Everything of theirs as one zip."""
    person = call.desk.studio.library.open(call.path["person"])
    folder = request_folder(call.desk.intake.folder)
    file = folder / f"{person.id}.zip"
    try:
        call.desk.studio.library.export(person.id, file)
    except BaseException:
        shutil.rmtree(folder)
        raise
    gone = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **PASSTHROUGH}
    return FileResponse(file, 200, headers, "application/zip", gone, file.name)


def import_person(call: RequestContext) -> JsonResult:
    """Out of such a zip."""
    folder = request_folder(call.desk.intake.folder)
    try:
        person = call.desk.studio.library.import_(_brought(call, folder / "person.zip"))
    finally:
        shutil.rmtree(folder)
    return JsonResult(call.desk.tell.person(person), 201)


def _brought(call: RequestContext, place: Path) -> Path:
    """The body's file, at `place` unless it was uploaded before."""
    if "upload" in call.body:
        return call.desk.uploads.open(call.body["upload"]).file
    place.write_bytes(decoded(call.body["data"], call.desk.access.max_body))
    return place


# ---------------------------------------------------------------- templates, uploads, pictures


def list_templates(call: RequestContext) -> JsonResult:
    """The user's own and the shipped ones."""
    return JsonResult({"templates": [call.desk.tell.template(found) for found in call.desk.templates.cards()]})


def add_template(call: RequestContext) -> JsonResult:
    """One more of the user's own."""
    folder = request_folder(call.desk.intake.folder)
    try:
        place = folder / "template"
        place.write_bytes(decoded(call.body["data"], call.desk.access.max_picture))
        added = call.desk.templates.add(place, Path(call.body["name"]).stem)
    finally:
        shutil.rmtree(folder)
    return JsonResult(call.desk.tell.template(added), 201)


def remove_template(call: RequestContext) -> JsonResult:
    """One of the user's own."""
    call.desk.templates.remove(call.path["template"])
    return JsonResult({"deleted": call.path["template"]})


def add_upload(call: RequestContext) -> JsonResult:
    """Kept for a day, for requests to come."""
    data = decoded(call.body["data"], call.desk.access.max_body)
    upload = call.desk.uploads.add(call.body["name"], data)
    return JsonResult({"id": upload.id, "name": upload.name, "bytes": len(data)}, 201)


def remove_upload(call: RequestContext) -> JsonResult:
    """At once."""
    call.desk.uploads.remove(call.path["upload"])
    return JsonResult({"deleted": call.path["upload"]})


def picture(call: RequestContext) -> Response:
    """The file behind a token, for this caller's cache only."""
    file, kind = call.desk.pictures.open(call.path["token"])
    return FileResponse(file, headers=PRIVATE | {"Content-Security-Policy": "sandbox"}, media_type=kind)


# ---------------------------------------------------------------- forms, doctor


def forms(call: RequestContext) -> JsonResult:
    """What a form needs: schemas of the requests, base models, defaults of every family."""
    checkpoints, first = call.desk.studio.engine.checkpoints(), call.desk.studio.engine.default()
    models = [{"name": c.name, "family": c.family.value} for c in checkpoints]
    ordered = sorted(checkpoints, key=lambda c: c.name != first)
    firsts = {family: next((c.name for c in ordered if c.family == family), "") for family in ModelFamily}
    defaults = {family.value: _defaults(call, family, firsts[family]) for family in ModelFamily}
    schemas = {"train": request_schema(TrainRequest), "portrait": request_schema(PortraitRequest)}
    return JsonResult({"requests": schemas, "defaults": defaults, "base_models": models, "base_model": first})


def _defaults(call: RequestContext, family: ModelFamily, base: str) -> dict[str, Any]:
    """With the base model of the family that is offered first; "" where there is none."""
    kinds: dict[str, Any] = {"train": TrainRequest, "portrait": PortraitRequest}
    requests = {name: kind.for_family(family, base_model=base) for name, kind in kinds.items()}
    plain: dict[str, Any] = as_json(requests, call.desk.studio.paths.root)
    return plain


def doctor(call: RequestContext) -> JsonResult:
    """What is installed and what is missing, without a word about the user."""
    findings = [asdict(finding) for finding in call.desk.examine()]
    return JsonResult(call.desk.tell.clean({"ok": all(f["state"] != MISSING for f in findings), "findings": findings}))


_PERSON = ref("Person")
_DELETED = object_of({"deleted": TEXT})
_NAMED = object_of({"name": NAME})
_COUNTS = ("files", "bytes", "portraits", "uploads", "lora_copies", "jobs", "left")
_REMOVED = object_of({"id": TEXT, **dict.fromkeys(_COUNTS, COUNT)})
_FORMS = object_of(
    {
        "requests": map_of({"type": "object"}),
        "defaults": map_of({"type": "object"}),
        "base_models": array_of(object_of({"name": TEXT, "family": TEXT})),
        "base_model": TEXT,  # what a request has that names none
    }
)
_FINDING = object_of({"name": TEXT, "state": TEXT, "value": TEXT, "remedy": TEXT})
_DIAGNOSIS = object_of({"ok": FLAG, "findings": array_of(_FINDING)})
_PEOPLE, _TEMPLATES = object_of({"persons": array_of(_PERSON)}), object_of({"templates": array_of(ref("Template"))})

ROUTES = (
    Route("GET", "/v1/persons", "listPersons", "Everybody who is trained.", list_persons, _PEOPLE),
    Route("POST", "/v1/persons", "importPerson", "Import a zip.", import_person, _PERSON, 201, FILE_OR_UPLOAD),
    Route("GET", "/v1/persons/{person}", "getPerson", "One person.", get_person, _PERSON),
    Route(
        "PATCH", "/v1/persons/{person}", "renamePerson", "Another display name.", rename_person, _PERSON, body=_NAMED
    ),
    Route(
        "DELETE",
        "/v1/persons/{person}",
        "deletePerson",
        "Delete every file of a person; the body repeats the name.",
        delete_person,
        _REMOVED,
        body=_NAMED,
    ),
    Route("GET", "/v1/persons/{person}/export", "exportPerson", "A zip.", export_person, media="application/zip"),
    Route("GET", "/v1/persons/{person}/report", "personReport", "How it was trained.", report, {"type": "object"}),
    Route("GET", "/v1/templates", "listTemplates", "Templates.", list_templates, _TEMPLATES),
    Route("POST", "/v1/templates", "addTemplate", "Add one.", add_template, ref("Template"), 201, FILE),
    Route("DELETE", "/v1/templates/{template}", "removeTemplate", "Remove an own one.", remove_template, _DELETED),
    Route("POST", "/v1/uploads", "addUpload", "Bring a file, kept for a day.", add_upload, ref("Upload"), 201, FILE),
    Route("DELETE", "/v1/uploads/{upload}", "removeUpload", "Remove it.", remove_upload, _DELETED),
    Route("GET", "/v1/pictures/{token}", "getPicture", "A picture by its token.", picture, media="image/*"),
    Route("GET", "/v1/forms", "getForms", "Schemas, defaults and base models for forms.", forms, _FORMS),
    Route("GET", "/v1/doctor", "getDoctor", "What is installed and what is missing.", doctor, _DIAGNOSIS),
)
