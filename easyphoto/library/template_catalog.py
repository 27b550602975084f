"""What is known of the templates that ship: `templates.toml` in their folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from easyphoto.domain import TemplateFacts
from easyphoto.errors import BadModel
from easyphoto.locales import LANGUAGES, message

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CATALOG = "templates.toml"
_FIELDS = {"title", "tags", "people", "validation", "source", "license", "changes"}


def read_catalog(folder: Path) -> dict[str, TemplateFacts]:
    """File name -> facts, in the order in which they are shown; empty where the folder has no catalog.

    Raises BadModel for a catalog that is not TOML, or whose entries lack something.
    """
    file = folder / CATALOG
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _broken(file, "catalog.unreadable", why=str(error)) from error
    return {name: _facts(name, entry, file) for name, entry in data.items()}


def _facts(name: str, entry: Any, file: Path) -> TemplateFacts:
    """One entry, checked. Raises BadModel."""
    if not isinstance(entry, Mapping) or set(entry) != _FIELDS:
        raise _broken(file, "catalog.fields", name=name, fields=sorted(_FIELDS))
    title, tags, people = entry["title"], entry["tags"], entry["people"]
    texts = (entry["source"], entry["license"], entry["changes"])
    if not isinstance(tags, list):
        raise _broken(file, "catalog.tags", name=name)
    if not (isinstance(title, Mapping) and set(title) == set(LANGUAGES)):
        raise _broken(file, "catalog.titles", name=name, languages=list(LANGUAGES))
    if not all(isinstance(text, str) for text in (*texts, *tags, *title.values())):
        raise _broken(file, "catalog.texts", name=name)
    if not (type(people) is int and people >= 1 and type(entry["validation"]) is bool):
        raise _broken(file, "catalog.people", name=name)
    return TemplateFacts(
        title=dict(title),
        tags=tuple(tags),
        people=people,
        validation=entry["validation"],
        source=entry["source"],
        license=entry["license"],
        changes=entry["changes"],
    )


def _broken(file: Path, code: str, /, **params: Any) -> BadModel:
    """`code` is that of the reason."""
    return BadModel("library.bad-template-list", stage="templates", file=file.name, reason=message(code, **params))
