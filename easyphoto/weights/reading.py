"""`weights.toml` to a `WeightCatalog`, with every entry checked."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from easyphoto.errors import BadModel
from easyphoto.locales import message
from easyphoto.weights.catalog import FOLDERS, WeightCatalog, WeightFile
from easyphoto.weights.sources import HTTPS, HUGGINGFACE, MODELSCOPE, WeightSource

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LIST = "weights.toml"
_NEEDED: dict[str, type] = {"name": str, "role": str, "groups": list, "license": str, "commercial": bool}
_OPTIONAL: dict[str, type] = {"bytes": int, "sha256": str, "sources": list, "substitutes": list, "shipped": str}
_OF_HUB = {"hub", "repo", "revision", "path"}
_FIELDS_OF_SOURCE = {HUGGINGFACE: _OF_HUB, MODELSCOPE: _OF_HUB, HTTPS: {"hub", "url"}}
_ID = re.compile(r"[a-z0-9][a-z0-9.-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[\w][\w.+-]*")
_REPO = re.compile(r"[\w.-]+/[\w.-]+")


def read_catalog(models: Path) -> WeightCatalog:
    """The list in the folder of models that ship. Raises BadModel naming the entry and what is wrong with it."""
    file = models / LIST
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadModel("weights.list-unreadable", stage="weights", file=str(file), why=str(error)) from error
    files = {name: _file(name, entry) for name, entry in data.items()}
    for one in files.values():
        _check_substitutes(one, files)
    return WeightCatalog(files)


def _file(name: str, entry: Any) -> WeightFile:
    _check_fields(name, entry)
    made = WeightFile(
        id=name,
        **{
            **entry,
            "groups": tuple(entry["groups"]),
            "substitutes": tuple(entry.get("substitutes", ())),
            "sources": tuple(_source(name, source) for source in entry.get("sources", ())),
        },
    )
    _check_values(made)
    return made


def _check_fields(name: str, entry: Any) -> None:
    if not isinstance(entry, Mapping) or not _ID.fullmatch(name):
        raise _entry_error(name, "id")
    for key in (*_NEEDED, *entry):
        kind = (_NEEDED | _OPTIONAL).get(key)
        if kind is None or type(entry.get(key)) is not kind:
            raise _entry_error(name, key)
    for key in ("groups", "substitutes"):
        if not all(isinstance(item, str) and _ID.fullmatch(item) for item in entry.get(key, ())):
            raise _entry_error(name, key)


def _check_values(file: WeightFile) -> None:
    """Bounds and forms of the values, and that there is a way to the file."""
    whole = {
        "name": _NAME.fullmatch(file.name),
        "role": file.role in FOLDERS,
        "license": file.license,
        "bytes": file.bytes is None or file.bytes > 0,
        "sha256": not file.sha256 or _SHA256.fullmatch(file.sha256),
        "sources": bool(file.sources) is not bool(file.shipped),
    }
    for key, good in whole.items():
        if not good:
            raise _entry_error(file.id, key)


def _source(name: str, entry: Any) -> WeightSource:
    hub = entry.get("hub", "") if isinstance(entry, Mapping) else ""
    if set(entry) != _FIELDS_OF_SOURCE.get(hub) or not all(
        isinstance(value, str) and value for value in entry.values()
    ):
        raise _entry_error(name, "sources")
    source = WeightSource(**entry)
    inside = ".." not in source.path.split("/") and not source.path.startswith("/")
    if not (source.url.startswith("https://") if hub == HTTPS else inside and _REPO.fullmatch(source.repo)):
        raise _entry_error(name, "sources")
    return source


def _check_substitutes(file: WeightFile, files: Mapping[str, WeightFile]) -> None:
    named = [files.get(name) for name in file.substitutes]
    if not all(one is not None and one.commercial for one in named) or (file.commercial and named):
        raise _entry_error(file.id, "substitutes")


def _entry_error(name: str, key: str) -> BadModel:
    reason = message("weights.bad-entry", name=name, field=key)
    return BadModel("weights.list-unreadable", stage="weights", file=LIST, why=reason)
