"""The file of a batch: a table in CSV, one person a line.

`person`, `photos` and `consent` have to be there, `templates` may; several places stand in one cell, parted by ";", and
are looked for from the file's own folder. Any other column is a setting: `train.NAME` or `portrait.NAME`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from easyphoto.batch import BatchPerson
from easyphoto.cli.arguments import photos_of, templates_of
from easyphoto.domain import ModelFamily, PortraitRequest, TrainRequest, options_of
from easyphoto.errors import BadRequest

NEEDED = ("person", "photos", "consent")
KNOWN = (*NEEDED, "templates")
SETTINGS: dict[str, type[Any]] = {"train": TrainRequest, "portrait": PortraitRequest}
RESERVED = {"train.person", "train.consent"}  # columns of their own
YES, NO = ("yes", "true", "1", "是"), ("no", "false", "0", "否", "")


def read_plan(file: Path, family_of: Callable[[str], ModelFamily]) -> list[BatchPerson]:
    """Everybody in the plan; `family_of` tells a base model's family, whose defaults apply.

    Raises BadRequest with the line for what cannot be understood, NotFound for photos that are not there.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            table = csv.DictReader(stream)
            _check_columns(table.fieldnames or ())
            persons = [_person(row, file.parent, table.line_num, family_of) for row in table]
    except (UnicodeDecodeError, csv.Error) as problem:
        raise BadRequest("batch.no-table", stage="batch", file=str(file), why=str(problem)) from problem
    names = [person.train.person for person in persons]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadRequest("batch.twice", stage="batch", file=str(file), names=twice)
    if not persons:
        raise BadRequest("batch.empty", stage="batch", file=str(file))
    return persons


def _check_columns(columns: Any) -> None:
    settings = {f"{kind}.{name}" for kind, request in SETTINGS.items() for name in options_of(request)} - RESERVED
    if unknown := [name for name in columns if name not in KNOWN and name not in settings]:
        raise BadRequest("batch.unknown-columns", stage="batch", names=unknown, known=[*KNOWN, *sorted(settings)])
    if missing := [name for name in NEEDED if name not in columns]:
        raise BadRequest("batch.missing-columns", stage="batch", names=missing)


def _person(
    row: Mapping[str, str | None], folder: Path, line: int, family_of: Callable[[str], ModelFamily]
) -> BatchPerson:
    if None in row:  # more cells than columns: a comma inside a name without quotes
        raise BadRequest("batch.extra-cells", stage="batch", line=line)
    told = {"person": (row["person"] or "").strip(), "consent": _value("consent", row["consent"] or "", False, line)}
    train, portrait = (_settings(kind, row, line) for kind in SETTINGS)
    base = train.get("base_model", TrainRequest().base_model)
    portrait = {"base_model": base, **portrait}
    templates = _places(row.get("templates"), folder)
    return BatchPerson(
        train=TrainRequest.for_family(family_of(base), **train, **told),
        photos=tuple(photos_of(_places(row["photos"], folder))),
        portrait=PortraitRequest.for_family(family_of(portrait["base_model"]), **portrait),
        templates=tuple(templates_of(templates)) if templates else (),
    )


def _places(cell: str | None, folder: Path) -> list[Path]:
    return [(folder / part.strip()).resolve() for part in (cell or "").split(";") if part.strip()]


def _settings(kind: str, row: Mapping[str, str | None], line: int) -> dict[str, Any]:
    """The fields that the line gives a value; an empty cell leaves the default."""
    defaults = {one.name: one.default for one in fields(SETTINGS[kind])}
    columns = {name: row.get(f"{kind}.{name}") for name in options_of(SETTINGS[kind])}
    return {name: _value(name, cell, defaults[name], line) for name, cell in columns.items() if cell}


def _value(name: str, cell: str, default: Any, line: int) -> Any:
    """The cell as a value of the default's type. Raises BadRequest."""
    text = cell.strip()
    if isinstance(default, bool):
        if text.lower() not in (*YES, *NO):
            raise BadRequest("batch.no-yes-or-no", stage="batch", name=name, value=text, line=line)
        return text.lower() in YES
    try:
        return type(default)(text)
    except ValueError as problem:
        raise BadRequest("batch.no-number", stage="batch", name=name, value=text, line=line) from problem
