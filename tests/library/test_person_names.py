"""Names become ids: safe, readable, apart; hostile ones reach no file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easyphoto.errors import BadName
from easyphoto.library import Library, check_id, slug

HOSTILE = [
    "../../x",
    "..",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "C:\\x",
    "CON",
    "nul",
    "com1",
    "a:b>c",
    "x\0y",
    "",
    ".",
    "-",
    "~",
]


@pytest.mark.parametrize(
    "name", [*HOSTILE, "😀", "张三", "李四", "x" * 300, "名" * 300, "  ", "\u202eevil", "a\nb", "Anna."]
)
def test_any_name_becomes_a_safe_folder_or_is_refused(name: str):
    try:
        made = slug(name)
    except BadName:
        return
    assert check_id(made) == made and len(made) <= 64 and Path(made).name == made


@given(st.text(max_size=120))
@settings(max_examples=300, deadline=None)
def test_any_text_becomes_a_safe_folder_or_is_refused(name: str):
    try:
        made = slug(name)
    except BadName:
        return
    assert check_id(made) == made
    assert made == slug(name), "the same name gives the same id"


@pytest.mark.parametrize(
    ("name", "goal"),
    [("Anna Müller", "anna-muller"), ("  anna  müller ", "anna-muller"), ("AC/DC", "ac-dc"), ("CON", "person-con")],
)
def test_readable_ids(name: str, goal: str):
    assert slug(name) == goal


def test_names_that_lose_signs_stay_apart():
    ids = {slug(n) for n in ("张三", "李四", "😀", "😎", "Anna 张", "Anna 李", "x" * 60, "x" * 61)}
    assert len(ids) == 8 and slug("Anna 张").startswith("anna-")


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\u202eb", "a\x07b", "\u200d"])
def test_names_that_are_refused(name: str):
    with pytest.raises(BadName):
        slug(name)


@pytest.mark.parametrize("identifier", [*HOSTILE, "Anna", "a" * 65, "a b", "ä", ".new-a", "a.", "😀"])
def test_hostile_ids_reach_no_file(shelf: Library, tmp_path: Path, identifier: str):
    calls: list[Callable[[], Any]] = [
        lambda: shelf.open(identifier),
        lambda: shelf.remove(identifier),
        lambda: shelf.rename(identifier, "x"),
        lambda: shelf.export(identifier, tmp_path / "a.zip"),
        lambda: shelf.size(identifier),
    ]
    for call in calls:
        with pytest.raises(BadName):
            call()
