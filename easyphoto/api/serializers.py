"""The domain's types as JSON of the API: no paths, pictures as tokens, times as ISO 8601 UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from easyphoto.api.errors import clean, places_of
from easyphoto.domain import Person, StoredTemplate
from easyphoto.jobs import Event, Job
from easyphoto.locales import Message, params_json, plain
from easyphoto.paths import Paths
from easyphoto.picture_tokens import Pictures

Json = dict[str, Any]
TEMPLATE_FACTS = ("title", "tags", "people", "source", "license", "changes")


class Serializer:
    """Knows the tokens and the folders."""

    def __init__(self, pictures: Pictures, paths: Paths) -> None:
        self._pictures, self._root = pictures, paths.root
        self._places = places_of(paths)

    def job(self, job: Job) -> Json:
        """All of it; what the caller has sent comes back as it was."""
        facts = asdict(job) | {"kind": job.kind.value, "state": job.state.value, "fraction": job.fraction}
        facts |= {"files": list(job.files), **self._note(job.note), "error": self.clean(job.error)}
        facts |= {"result": self.clean(self._result(job.result))}
        facts |= {name: iso_time(getattr(job, name)) for name in ("created", "started", "ended")}
        return facts

    def _note(self, note: Message | str) -> Json:
        """In English, with code and parameters where it is no mere name."""
        told = note if isinstance(note, Message) else plain(note)
        return {
            "note": self.clean(told.text()),
            "note_code": told.code,
            "note_params": self.clean(params_json(told.params)),
        }

    def _result(self, result: Mapping[str, Any] | None) -> Json | None:
        """Portraits have a picture token instead of a file."""
        if result is None or "portraits" not in result:
            return None if result is None else dict(result)
        return {**result, "portraits": [self._portrait(portrait) for portrait in result["portraits"]]}

    def _portrait(self, portrait: Mapping[str, Any]) -> Json:
        facts = {name: value for name, value in portrait.items() if name != "file"}
        file = self._root / portrait["file"] if portrait.get("file") else None
        return {**facts, "picture": self._pictures.token(file)}

    def event(self, event: Event) -> Json:
        """All of it."""
        facts = asdict(event) | self._note(event.note) | {"state": event.state.value, "time": iso_time(event.time)}
        told: Json = self.clean({**facts, "preview": self._pictures.token(event.preview)})
        return told

    def person(self, person: Person) -> Json:
        """What a list of people shows."""
        files = [file for file in person.folder.rglob("*") if file.is_file()]
        return {
            "id": person.id,
            "name": person.name,
            "created": person.created,
            "base_model": person.base_model,
            "recognizer": person.recognizer,
            "photos": len(person.photos),
            "bytes": sum(file.stat().st_size for file in files),
            "distance": None if person.lora is None else person.lora.distance,
            "family": None if person.lora is None else person.lora.family.value,
            "reference": self._pictures.token(person.reference),
            "face_id": self._pictures.token(person.face_id),
            "warnings": [self.clean(one.as_json()) for one in person.warnings],
        }

    def template(self, stored: StoredTemplate) -> Json:
        """With its picture."""
        facts = stored.facts
        known = None if facts is None else {name: getattr(facts, name) for name in TEMPLATE_FACTS}
        picture = self._pictures.token(stored.file)
        return {"id": stored.id, "name": stored.name, "own": stored.own, "picture": picture, "facts": known}

    def clean(self, value: Any) -> Any:
        """Without places of the machine."""
        return clean(value, self._places)


def iso_time(seconds: float) -> str | None:
    """ISO 8601 UTC; None for "not yet"."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat() if seconds else None
