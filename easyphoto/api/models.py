"""Bodies and results as pydantic models; those of requests, jobs and events are made from their dataclasses."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_type_hints

from pydantic import StrictBool, confloat, conint, create_model

from easyphoto.api.pydantic_versions import (
    VERSION_1,
    OpenModel,
    RequestModel,
    ResultModel,
    documented,
    list_of,
    text,
)
from easyphoto.domain import Option, PortraitRequest, QuickRequest, TrainRequest, options_of
from easyphoto.jobs import CheckRequest, Event, Job, WeightsRequest
from easyphoto.jobs.job import JOB_ID
from easyphoto.jobs.queue import MOST_FILES
from easyphoto.jobs.requests import MAX_ITEMS, MAX_TEXT
from easyphoto.library.names import PERSON_ID
from easyphoto.library.uploads import UPLOAD_ID
from easyphoto.picture_tokens import TOKEN

TEMPLATE_ID = r"^[0-9a-f]{24}$"
PLAIN_TEXT = r"^[^\u0000]*$"
PATTERNS = {"persons": rf"^$|{PERSON_ID}"}
"""Of texts in requests that are more than plain, by the field's name; the empty id leaves a face as it is."""
BASE64 = r"^(data:[^,]*,)?([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
"""Only written down: `decoded` finds out, and says so by a code of its own."""


@cache
def request_model(kind: type[Any]) -> type[RequestModel]:
    """Of a request dataclass: types, bounds, choices, defaults, label and help, all from its fields."""
    options, defaults = options_of(kind), kind()
    made: dict[str, Any] = {
        f.name: _request_field(getattr(defaults, f.name), options.get(f.name), PATTERNS.get(f.name, PLAIN_TEXT))
        for f in fields(kind)
    }
    return create_model(kind.__name__, __base__=RequestModel, **made)


def _request_field(value: Any, rule: Option | None, pattern: str) -> tuple[Any, Any]:
    """Type and default; a request within a request has a model of its own."""
    default = list(value) if isinstance(value, tuple) else value
    if is_dataclass(default):
        within = request_model(type(default))  # type: ignore[arg-type]  # a class is hashable, whatever mypy thinks
        return within, documented(within())
    if rule is None:
        return _strict_type(default, Option(), pattern), documented(default)
    extra = {"x-advanced": rule.advanced} | ({} if rule.step is None else {"x-step": rule.step})
    return _strict_type(default, rule, pattern), documented(default, extra, title=rule.label, description=rule.help)


def _strict_type(default: Any, rule: Option, pattern: str) -> Any:
    """The default's JSON type within the rule's bounds, texts of that pattern; no other type is turned into it."""
    if rule.choices:
        return Literal[rule.choices]
    if isinstance(default, bool):
        return StrictBool
    if isinstance(default, int):
        return conint(strict=True, ge=rule.low, le=rule.high)  # type: ignore[arg-type]
    if isinstance(default, float):
        return confloat(strict=not VERSION_1, ge=rule.low, le=rule.high)  # type: ignore[arg-type]
    plain = text(max_length=MAX_TEXT, pattern=pattern)
    return list_of(plain, 0, MAX_ITEMS) if isinstance(default, list) else plain


def result_model(kind: type[Any], **changed: Any) -> type[ResultModel]:
    """Of a dataclass; fields that are `changed` look otherwise in JSON, or are in JSON only."""
    hints = get_type_hints(kind)
    types = {f.name: Count if hints[f.name] is int else hints[f.name] for f in fields(kind)}
    made: dict[str, Any] = {name: (kind, ...) for name, kind in types.items()} | changed
    return create_model(kind.__name__, __base__=ResultModel, **made)


# ---------------------------------------------------------------- types that are made

if TYPE_CHECKING:  # what a call makes is no type to a type checker
    JobId = str
    UploadId = str
    TemplateId = str
    PersonId = str
    PictureToken = str
    FileName = str
    Base64 = str
    Count = int
    CheckFields = Any
    TrainFields = Any
    PortraitFields = Any
    QuickFields = Any
    WeightsFields = Any
else:
    JobId, UploadId, TemplateId = text(pattern=JOB_ID), text(pattern=UPLOAD_ID), text(pattern=TEMPLATE_ID)
    PersonId = text(pattern=PERSON_ID)
    PictureToken = text(pattern=TOKEN)
    FileName = text(min_length=1, max_length=255, pattern=PLAIN_TEXT)
    Base64 = text(min_length=4)
    Count = conint(ge=0)
    CheckFields = request_model(CheckRequest)
    TrainFields, PortraitFields = request_model(TrainRequest), request_model(PortraitRequest)
    QuickFields = request_model(QuickRequest)
    WeightsFields = request_model(WeightsRequest)


def _data() -> Any:
    head = "Base64 of the file, with or without a data URL's head."
    return documented(extra={"contentEncoding": "base64", "pattern": BASE64}, description=head)


# ---------------------------------------------------------------- bodies


class Nothing(RequestModel):
    """An empty object."""


class NameBody(RequestModel):
    """A display name."""

    name: FileName


class FileBody(RequestModel):
    """A file with its name."""

    name: FileName
    data: Base64 = _data()


class UploadReference(RequestModel):
    """A file that was uploaded before."""

    upload: UploadId


class TemplateReference(RequestModel):
    """One of the templates."""

    template: TemplateId


class PhotoFile(FileBody):
    """A photo; `override` is the user's own verdict."""

    override: Literal["", "keep", "drop"] = ""


class PhotoUpload(UploadReference):
    """A photo that was uploaded before; `override` is the user's own verdict."""

    override: Literal["", "keep", "drop"] = ""


class ArchiveData(RequestModel):
    """A person's zip."""

    data: Base64 = _data()


if TYPE_CHECKING:
    Photos = list[PhotoFile | PhotoUpload]
    TemplatePictures = list[FileBody | UploadReference | TemplateReference]
else:
    Photos = list_of(PhotoFile | PhotoUpload, 1, MOST_FILES)
    TemplatePictures = list_of(FileBody | UploadReference | TemplateReference, 0, MOST_FILES)


class CheckBody(RequestModel):
    """Photos to judge."""

    request: CheckFields | None = None
    photos: Photos


class TrainBody(RequestModel):
    """A training; fields that are not given have the defaults of the base model's family."""

    request: TrainFields
    photos: Photos


class PortraitBody(RequestModel):
    """Portraits; fields that are not given have the defaults of the base model's family."""

    request: PortraitFields
    templates: TemplatePictures


class QuickBody(RequestModel):
    """Portraits from photos alone; fields that are not given have the defaults of the base model's family."""

    request: QuickFields
    photos: Photos
    templates: TemplatePictures


class WeightsBody(RequestModel):
    """Model files to be fetched."""

    request: WeightsFields


# ---------------------------------------------------------------- results


def _result(title: str, /, **made: Any) -> type[ResultModel]:
    """Every field is always there."""
    whole: dict[str, Any] = {key: kind if isinstance(kind, tuple) else (kind, ...) for key, kind in made.items()}
    return create_model(title, __base__=ResultModel, **whole)


_TIME = (str, documented(extra={"format": "date-time"}))
_LATER = (str | None, documented(extra={"format": "date-time"}))
_PICTURE = (str | None, documented(description="For GET pictures/{token}."))
_PLACE = (Count, documented(description="Jobs in the queue up to this one; 0 once it runs."))
_DISTANCE = (float | None, documented(description="L2 of the person's recognizer; lower is nearer."))
_OBJECT = dict[str, Any]

_FAILURE: dict[str, Any] = dict.fromkeys(("kind", "code", "problem", "stage", "file", "remedy"), (str, ...))
ERROR = create_model("Error", __base__=OpenModel, params=(_OBJECT, ...), **_FAILURE)
MESSAGE = _result("Message", code=str, params=_OBJECT, text=str)
_NOTE: dict[str, Any] = {"note": (str, ...), "note_code": (str, ...), "note_params": (_OBJECT, ...)}
JOB = result_model(
    Job,
    **_NOTE,
    id=(JobId, ...),
    created=_TIME,
    started=_LATER,
    ended=_LATER,
    place=_PLACE,
    fraction=(confloat(ge=0, le=1), ...),
    error=(ERROR | None, ...),
)
JOBS = _result("Jobs", jobs=list[JOB])  # type: ignore[valid-type]
EVENT = result_model(Event, **_NOTE, time=_TIME, preview=_PICTURE)
EVENTS = _result("Events", events=list[EVENT])  # type: ignore[valid-type]
PERSON = _result(
    "Person",
    **dict.fromkeys(("id", "name", "created", "base_model", "recognizer"), str),
    **dict.fromkeys(("photos", "bytes"), Count),
    distance=_DISTANCE,
    family=str | None,
    reference=_PICTURE,
    face_id=_PICTURE,
    warnings=list[MESSAGE],  # type: ignore[valid-type]
)
PERSONS = _result("Persons", persons=list[PERSON])  # type: ignore[valid-type]
TEMPLATE_FACTS = _result(
    "TemplateFacts",
    title=dict[str, str],
    tags=list[str],
    people=Count,
    **dict.fromkeys(("source", "license", "changes"), str),
)
_FACTS = (TEMPLATE_FACTS | None, documented(description="Of one that ships."))
TEMPLATE = _result("Template", id=str, name=str, own=bool, picture=_PICTURE, facts=_FACTS)
TEMPLATES = _result("Templates", templates=list[TEMPLATE])  # type: ignore[valid-type]
UPLOAD = _result("Upload", id=str, name=str, bytes=Count)
DELETED = _result("Deleted", deleted=str)
_COUNTS = ("files", "bytes", "portraits", "uploads", "lora_copies", "jobs", "left")
DELETED_PERSON = _result("DeletedPerson", id=str, **dict.fromkeys(_COUNTS, Count))
BASE_MODEL = _result("BaseModel", name=str, family=str)
FORMS = _result(
    "Forms",
    requests=dict[str, _OBJECT],
    defaults=dict[str, _OBJECT],
    base_models=list[BASE_MODEL],  # type: ignore[valid-type]
    base_model=(str, documented(description="What a request has that names none.")),
    toolboxes=list[str],
)
_TOLD = _result("FindingMessage", code=str, params=_OBJECT, text=str)
FINDING = _result(
    "Finding",
    **dict.fromkeys(("name", "state", "value", "remedy"), str),
    **dict.fromkeys(("value_message", "remedy_message"), _TOLD | None),  # type: ignore[operator]
)
DIAGNOSIS = _result("Diagnosis", ok=bool, findings=list[FINDING])  # type: ignore[valid-type]
WEIGHT = _result(
    "Weight",
    **dict.fromkeys(("id", "role", "license", "state"), str),
    **dict.fromkeys(("groups", "substitutes"), list[str]),
    bytes=(Count | None, documented(description="Null where the size is not public.")),  # type: ignore[operator]
    commercial=bool,
)
WEIGHTS = _result("Weights", weights=list[WEIGHT])  # type: ignore[valid-type]
LEGACY_TRAIN = _result("LegacyTrain", message=str)
LEGACY_VIDEO = _result("LegacyVideo", message=str, outputs=list[str])
_PAIR: Any = list_of(str, 2, 2)
LEGACY_INFER = _result("LegacyInfer", message=str, outputs=list[str], face_id_outputs=list[_PAIR])
