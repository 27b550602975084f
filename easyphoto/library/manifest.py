"""manifest.json: what a person's folder holds. Read as foreign input, whoever wrote it."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from easyphoto.domain import LoraCheckpoint, ModelFamily, Person
from easyphoto.errors import BadModel, BadName
from easyphoto.library.names import check_id, check_name
from easyphoto.locales import Message, from_json, message

SCHEMA = 2
MANIFEST = "manifest.json"
LARGEST = 1_000_000  # bytes of a manifest
MOST_FILES = 200
_ALLOWED = re.compile(
    r"(reference|face_id)\.(png|jpg)|report\.json|[a-z0-9-]{1,64}\.safetensors"
    r"|photos/\d{4}\.(png|jpg)|checkpoints/[a-z0-9-]{1,64}\.safetensors"
)


@dataclass(frozen=True)
class Manifest:
    """All that is known of a person; file names are relative to their folder, with forward slashes."""

    id: str
    name: str
    created: str  # ISO 8601 UTC
    base_model: str
    recognizer: str  # whose distances `distance` is of
    reference: str
    photos: tuple[str, ...] = ()
    face_id: str = ""
    report: str = ""
    lora: str = ""
    family: ModelFamily | None = None
    rank: int = 0
    step: int = 0
    distance: float | None = None  # mean L2 of the validation images to the training photos
    warnings: tuple[Message, ...] = ()
    files: dict[str, str] = field(default_factory=dict)  # every file -> SHA-256

    def __post_init__(self) -> None:
        """Raise BadModel for values that no manifest of ours can have."""
        try:
            check_id(self.id)
            check_name(self.name)
        except BadName as bad:
            raise broken("plain", text=bad.messages()[0]) from bad
        if len(self.files) > MOST_FILES:
            raise broken("damaged.many-files", count=len(self.files))
        if strange := [name for name in self.files if not is_ours(name)]:
            raise broken("damaged.strange-file", name=strange[0][:80])
        named = [n for n in (self.reference, self.face_id, self.report, self.lora, *self.photos) if n]
        if missing := [name for name in named if name not in self.files]:
            raise broken("damaged.unlisted-file", name=missing[0][:80])
        if not self.reference or (self.lora and not self.family):
            raise broken("damaged.no-reference")

    def person(self, folder: Path) -> Person:
        """As the rest of the program knows them."""
        return Person(
            id=self.id,
            name=self.name,
            folder=folder,
            lora=self._checkpoint(folder),
            reference=folder / self.reference,
            face_id=folder / self.face_id if self.face_id else None,
            photos=tuple(folder / name for name in self.photos),
            base_model=self.base_model,
            created=self.created,
            report=folder / self.report if self.report else None,
            warnings=self.warnings,
            recognizer=self.recognizer,
        )

    def _checkpoint(self, folder: Path) -> LoraCheckpoint | None:
        if not self.lora or not self.family:
            return None
        return LoraCheckpoint(folder / self.lora, self.family, self.rank, self.step, self.distance)

    def text(self) -> str:
        """As JSON, schema first."""
        told = [one.as_json() for one in self.warnings]
        facts = {**self.__dict__, "family": self.family.value if self.family else None, "warnings": told}
        return json.dumps({"schema": SCHEMA, **facts}, ensure_ascii=False, indent=1, allow_nan=False)


def broken(code: str, /, **params: Any) -> BadModel:
    """The error for a person's folder or export that cannot be right; `code` is that of the reason."""
    return BadModel("library.damaged", stage="library", why=message(code, **params))


def is_ours(name: str) -> bool:
    """Whether a relative file name is one of those a person's folder may hold; never absolute, never upwards."""
    return _ALLOWED.fullmatch(name) is not None and ".." not in PurePosixPath(name).parts


def parse(text: str) -> Manifest:
    """The manifest, every field checked. Raises BadModel."""
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise broken("damaged.no-json") from error
    if not isinstance(facts, dict) or not isinstance(facts.get("schema"), int):
        raise broken("damaged.no-schema")
    if facts["schema"] > SCHEMA:
        raise BadModel("library.newer-schema", stage="library", schema=facts["schema"], known=SCHEMA)
    return _from_facts(_migrated(facts))


def _migrated(facts: dict[str, Any]) -> dict[str, Any]:
    """Earlier names: `likeness` for the distance; in schema 1 `recogniser`, and "embedded" for what is built in."""
    facts = {"distance": facts.get("likeness"), **facts}
    if facts["schema"] > 1:
        return facts
    renamed = {key: "built-in" for key in ("family", "base_model") if facts.get(key) == "embedded"}
    return {"recognizer": facts.get("recogniser", ""), **facts, **renamed}


def _from_facts(facts: dict[str, Any]) -> Manifest:
    """Types checked one by one; unknown keys are ignored."""
    family = _text(facts, "family") if facts.get("family") is not None else None
    if family is not None and family not in {f.value for f in ModelFamily}:
        raise broken("damaged.unknown-family", family=family[:40])
    files = facts.get("files")
    if not isinstance(files, dict) or not all(isinstance(x, str) for pair in files.items() for x in pair):
        raise broken("damaged.malformed-list")
    return Manifest(
        **{key: _text(facts, key) for key in _TEXTS},
        photos=_texts(facts, "photos"),
        family=ModelFamily(family) if family else None,
        rank=_count(facts, "rank"),
        step=_count(facts, "step"),
        distance=_number(facts, "distance"),
        warnings=_messages(facts, "warnings"),
        files=files,
    )


_TEXTS = ("id", "name", "created", "base_model", "recognizer", "reference", "face_id", "report", "lora")


def _text(facts: dict[str, Any], key: str) -> str:
    value = facts.get(key, "")
    if not isinstance(value, str) or len(value) > 1000:
        raise broken("damaged.no-text", name=key)
    return value


def _messages(facts: dict[str, Any], key: str) -> tuple[Message, ...]:
    """Written before 0.1.0 they are plain sentences."""
    value = facts.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, (str, dict)) for one in value):
        raise broken("damaged.no-messages", name=key)
    return tuple(from_json(one) for one in value[:MOST_FILES])


def _texts(facts: dict[str, Any], key: str) -> tuple[str, ...]:
    value = facts.get(key, [])
    if not isinstance(value, list) or not all(isinstance(x, str) and len(x) <= 2000 for x in value):
        raise broken("damaged.no-texts", name=key)
    return tuple(value[:MOST_FILES])


def _count(facts: dict[str, Any], key: str) -> int:
    value = facts.get(key, 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 10**9:
        raise broken("damaged.no-count", name=key)
    return value


def _number(facts: dict[str, Any], key: str) -> float | None:
    value = facts.get(key)
    if value is None:
        return None
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        raise broken("damaged.no-number", name=key)
    return float(value)
