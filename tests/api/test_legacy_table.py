"""The table of the original's fields names every one that the routes know, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from easyphoto.api import legacy_fields as fields

TABLE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
READ_ELSEWHERE = {"user_ids", "instance_images", "user_id"}


def named(section: str) -> set[str]:
    """Fields in the first column of that route's table; a star stands for what follows it in names."""
    rows = TABLE.split(f"## `{section}`")[1].split("\n## ")[0].splitlines()
    cells = [row.split("|")[1] for row in rows if row.startswith("|")]
    return {name for cell in cells for name in re.findall(r"`([\w*]+)`", cell)}


def covered(known: set[str], table: set[str]) -> set[str]:
    """Those of the known that the table leaves out."""
    stars = tuple(name.rstrip("*") for name in table if name.endswith("*"))
    return {name for name in known - table if not (stars and name.startswith(stars))}


def test_every_field_of_a_training_is_in_the_table():
    known = {*fields.TRAIN_FIELDS, *fields._TRAIN_OFF, *fields._TRAIN_KNOWN}
    assert covered(known, named("easyphoto_train_forward")) == set()
    assert named("easyphoto_train_forward") - known - READ_ELSEWHERE == set()


def test_every_field_of_a_portrait_is_in_the_table():
    known = {*fields.PORTRAIT_FIELDS, *fields._PORTRAIT_OFF, *fields._PORTRAIT_KNOWN}
    table = named("easyphoto_infer_forward")
    assert covered(known, table) == set()
    assert {name for name in table if not name.endswith("*")} - known - READ_ELSEWHERE == set()
