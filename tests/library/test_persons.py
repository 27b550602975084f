"""Persons on disk: created, opened and listed, whole or not at all."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from library_world import picture

from easyphoto.domain import ModelFamily
from easyphoto.errors import AlreadyThere, BadModel
from easyphoto.library import Library, PersonDraft
from easyphoto.library import library as shelf_module
from easyphoto.library.manifest import parse
from easyphoto.locales import plain
from easyphoto.private_files import make_private


def test_a_person_is_all_there(shelf: Library, anna: PersonDraft, home: Path):
    made = shelf.create(anna)
    assert (made.id, made.name, made.folder) == ("anna-muller", "Anna Müller", home / "persons" / "anna-muller")
    assert made == shelf.open("anna-muller") and shelf.list() == (made,)
    assert made.lora == replace(anna.lora, file=made.folder / "anna-muller.safetensors")
    assert [f.name for f in made.photos] == ["0000.jpg", "0001.jpg", "0002.jpg"]
    assert made.photos[0].read_bytes() == anna.training_set.crops[0].read_bytes()
    assert made.face_id is not None and made.face_id.is_file() and made.reference.is_file()
    assert made.report is not None and json.loads(made.report.read_text(encoding="utf-8"))["note"] == "gut ✓"
    assert (
        made.warnings == (plain("Only 3 photos."),)
        and made.base_model == "built-in"
        and made.created.endswith("+00:00")
    )
    facts = json.loads((made.folder / "manifest.json").read_text(encoding="utf-8"))
    assert facts["schema"] == 2 and facts["recognizer"] == "fake"
    assert set(facts["files"]) == {
        p.relative_to(made.folder).as_posix() for p in made.folder.rglob("*") if p.is_file()
    } - {"manifest.json"}


def test_a_manifest_of_schema_1_is_read(shelf: Library, anna: PersonDraft):
    made = shelf.create(anna)
    file = made.folder / "manifest.json"
    facts = json.loads(file.read_text(encoding="utf-8"))
    facts.update(schema=1, recogniser=facts.pop("recognizer"), base_model="embedded", family="embedded")
    file.write_text(json.dumps(facts), encoding="utf-8")
    opened = shelf.open(made.id)
    assert opened.base_model == "built-in"
    assert opened.lora is not None and opened.lora.family is ModelFamily.BUILTIN
    assert parse(file.read_text(encoding="utf-8")).recognizer == "fake"


def test_a_person_without_lora_face_id_and_report(shelf: Library, anna: PersonDraft):
    made = shelf.create(replace(anna, lora=None, face_id=None, report=None))
    assert made.lora is None and made.face_id is None and made.report is None


def test_kept_checkpoints_are_kept(shelf: Library, anna: PersonDraft):
    assert anna.lora is not None
    made = shelf.create(replace(anna, checkpoints=(replace(anna.lora, step=100),)))
    assert (made.folder / "checkpoints" / "anna-muller-100.safetensors").is_file()


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_folders_are_private(shelf: Library, anna: PersonDraft, home: Path):
    made = shelf.create(anna)
    for folder in (home, home / "persons", made.folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_same_name_twice(shelf: Library, anna: PersonDraft):
    before = shelf.create(anna)
    with pytest.raises(AlreadyThere):
        shelf.create(replace(anna, name="anna muller", warnings=(plain("second"),)))
    assert shelf.list() == (before,)


def test_a_failed_creation_leaves_nothing(shelf: Library, anna: PersonDraft, home: Path):
    assert anna.lora is not None
    gone = replace(anna, lora=replace(anna.lora, file=Path("nowhere.safetensors")))
    with pytest.raises(FileNotFoundError):
        shelf.create(gone)
    assert [f.name for f in (home / "persons").iterdir()] == [".lock"]


def test_what_a_crash_left_is_cleared_by_the_next_try(shelf: Library, anna: PersonDraft, home: Path):
    picture(home / "persons" / ".new-anna-muller" / "photos" / "9999.jpg")
    assert shelf.list() == ()
    assert len(shelf.create(anna).photos) == 3
    assert not (home / "persons" / ".new-anna-muller").exists()


def test_a_person_appears_whole(shelf: Library, anna: PersonDraft, monkeypatch: pytest.MonkeyPatch):
    seen: list[int] = []
    fill = shelf_module._fill

    def slow(*args: Any) -> Any:
        made = fill(*args)
        seen.append(len(shelf.list()))
        return made

    monkeypatch.setattr(shelf_module, "_fill", slow)
    shelf.create(anna)
    assert seen == [0] and len(shelf.list()) == 1


def test_damaged_folders_are_left_out_and_the_rest_is_listed(shelf: Library, anna: PersonDraft, home: Path):
    made = shelf.create(anna)
    for name, text in [("empty", None), ("nojson", "{"), ("list", "[]"), ("future", '{"schema": 99}')]:
        (home / "persons" / name).mkdir()
        if text is not None:
            (home / "persons" / name / "manifest.json").write_text(text)
    assert shelf.list() == (made,)
    with pytest.raises(BadModel, match="newer"):
        shelf.open("future")
    assert shelf.remove("nojson").files == 1


def test_a_missing_lora_file_is_said(shelf: Library, anna: PersonDraft):
    made = shelf.create(anna)
    assert made.lora is not None
    made.lora.file.unlink()
    with pytest.raises(BadModel, match=r"anna-muller\.safetensors is missing"):
        shelf.open(made.id)


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_private_folders_have_private_parents(tmp_path: Path):
    before = os.umask(0o022)
    try:
        make_private(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    assert [oct((tmp_path / name).stat().st_mode & 0o777) for name in ("a", "a/b", "a/b/c")] == ["0o700"] * 3
