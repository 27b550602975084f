"""Exports come back as they were; tampered, damaged and hostile zips write nothing."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from library_world import draft, exported

from easyphoto.domain import ModelFamily
from easyphoto.errors import AlreadyThere, BadModel, BadPicture, EasyPhotoError, NotFound
from easyphoto.images import open_picture, pixels
from easyphoto.library import Library, PersonDraft
from easyphoto.paths import Paths


def test_a_person_without_a_lora_is_exported_and_imported(shelf: Library, anna: PersonDraft, tmp_path: Path):
    there = shelf.create(replace(anna, lora=None, face_id=None))
    file = shelf.export(there.id, tmp_path / "anna.zip")
    here = Library(Paths(tmp_path / "other home")).import_(file)
    assert here.lora is None and [one.name for one in here.photos] == [one.name for one in there.photos]


def test_there_and_back(shelf: Library, anna: PersonDraft, tmp_path: Path):
    file = exported(shelf, anna, tmp_path)
    other = Library(Paths(tmp_path / "elsewhere", tmp_path), patience=0.2)
    there, here = other.import_(file), shelf.open("anna-muller")
    assert there.name == here.name and there.created == here.created
    for ours in here.folder.rglob("*"):
        if ours.is_file() and ours.name != "manifest.json":
            theirs = there.folder / ours.relative_to(here.folder)
            if ours.suffix in (".png", ".jpg"):  # written anew
                assert np.abs(pixels(open_picture(theirs)).astype(int) - pixels(open_picture(ours))).max() <= 3
            else:
                assert theirs.read_bytes() == ours.read_bytes()
    assert replace(there, folder=here.folder, lora=None).id == here.id and there.lora is not None
    assert there.lora.distance == 0.31 and there.lora.family is ModelFamily.BUILTIN
    with pytest.raises(AlreadyThere, match=here.name):  # not the id, which nobody has typed
        other.import_(file)
    with pytest.raises(AlreadyThere):
        shelf.export("anna-muller", file)


Change = Callable[[dict[str, bytes], dict[str, Any]], None]


def tampered(source: Path, change: Change, **options: Any) -> Path:
    """The export with its members and manifest changed."""
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    facts = json.loads(members["manifest.json"])
    change(members, facts)
    if "manifest.json" in members:
        members["manifest.json"] = json.dumps(facts).encode()
    out = source.with_name("tampered.zip")
    with zipfile.ZipFile(out, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out


def put(members: dict[str, bytes], facts: dict[str, Any], name: str, data: bytes) -> None:
    members[name] = data
    facts["files"][name] = hashlib.sha256(data).hexdigest()


def swap(members: dict[str, bytes], facts: dict[str, Any], **changes: Any) -> None:
    facts.update(changes)


PICKLE = b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93."


TAMPERINGS: dict[str, Change] = {
    "path upwards": lambda m, f: put(m, f, "../evil.png", b"x"),
    "path upwards in photos": lambda m, f: put(m, f, "photos/../../evil.png", b"x"),
    "absolute path": lambda m, f: put(m, f, "/tmp/evil.png", b"x"),
    "windows path": lambda m, f: put(m, f, "C:\\evil.png", b"x"),
    "backslash path": lambda m, f: put(m, f, "photos\\..\\evil.png", b"x"),
    "pickle": lambda m, f: put(m, f, "model.pt", PICKLE),
    "pickle named safetensors": lambda m, f: put(m, f, "anna-muller.safetensors", PICKLE),
    "program": lambda m, f: put(m, f, "run.py", b"import os"),
    "picture that is none": lambda m, f: put(m, f, "photos/0000.jpg", b"x" * 50),
    "unlisted file": lambda m, f: m.update({"photos/0099.jpg": b"x"}),
    "listed file missing": lambda m, f: m.pop("reference.png") and None,
    "wrong hash": lambda m, f: m.update({"reference.png": m["reference.png"] + b" "}),
    "no manifest": lambda m, f: m.pop("manifest.json") and None,
    "id upwards": lambda m, f: swap(m, f, id="../x"),
    "id of another kind": lambda m, f: swap(m, f, id=7),
    "reserved id": lambda m, f: swap(m, f, id="con"),
    "empty name": lambda m, f: swap(m, f, name=" "),
    "reference elsewhere": lambda m, f: swap(m, f, reference="/etc/passwd"),
    "photos elsewhere": lambda m, f: swap(m, f, photos=["../../a.jpg"]),
    "photos no list": lambda m, f: swap(m, f, photos="abc"),
    "family unknown": lambda m, f: swap(m, f, family="dalle"),
    "rank no number": lambda m, f: swap(m, f, rank="big"),
    "rank negative": lambda m, f: swap(m, f, rank=-1),
    "files no table": lambda m, f: swap(m, f, files=[1]),
    "newer schema": lambda m, f: swap(m, f, schema=3),
    "no schema": lambda m, f: f.pop("schema") and None,
    "too many files": lambda m, f: [put(m, f, f"photos/{i:04d}.jpg", b"x") for i in range(300)] and None,
}


@pytest.mark.parametrize("kind", sorted(TAMPERINGS))
def test_a_tampered_export_is_refused_and_writes_nothing(shelf: Library, anna: PersonDraft, tmp_path: Path, kind: str):
    file = tampered(exported(shelf, anna, tmp_path), TAMPERINGS[kind])
    other = Library(Paths(tmp_path / "elsewhere", tmp_path), patience=0.2)
    with pytest.raises((BadModel, BadPicture)):
        other.import_(file)
    assert other.list() == ()
    assert {f.name for f in tmp_path.rglob("*") if "evil" in f.name} == set()
    left = list((tmp_path / "elsewhere" / "persons").iterdir()) if (tmp_path / "elsewhere").exists() else []
    assert [f.name for f in left] in ([], [".lock"])


def test_a_zip_bomb_is_refused_before_it_unpacks(shelf: Library, anna: PersonDraft, tmp_path: Path):
    bomb = tampered(
        exported(shelf, anna, tmp_path),
        lambda m, f: put(m, f, "report.json", b" " * 30_000_000),
        compression=zipfile.ZIP_DEFLATED,
    )
    with pytest.raises(BadModel, match="unlikely size"):
        Library(Paths(tmp_path / "b", tmp_path)).import_(bomb)


def test_a_link_in_a_zip_is_refused(shelf: Library, anna: PersonDraft, tmp_path: Path):
    source = exported(shelf, anna, tmp_path)
    out = tmp_path / "link.zip"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.infolist():
            if member.filename == "reference.png":
                member.external_attr = (stat.S_IFLNK | 0o777) << 16
            new.writestr(member, old.read(member.filename))
    with pytest.raises(BadModel, match="plain file"):
        Library(Paths(tmp_path / "b", tmp_path)).import_(out)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_file_twice_in_a_zip_is_refused(shelf: Library, anna: PersonDraft, tmp_path: Path):
    file = exported(shelf, anna, tmp_path)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("reference.png", b"other")
    with pytest.raises(BadModel, match="twice"):
        Library(Paths(tmp_path / "b", tmp_path)).import_(file)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + b"\0" * 100, b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_zip(shelf: Library, tmp_path: Path, content: bytes):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(BadModel):
        shelf.import_(tmp_path / "a.zip")
    with pytest.raises(NotFound):
        shelf.import_(tmp_path / "none.zip")


def test_a_cut_off_zip(shelf: Library, anna: PersonDraft, tmp_path: Path):
    file = exported(shelf, anna, tmp_path)
    file.write_bytes(file.read_bytes()[:-300])
    with pytest.raises(BadModel):
        Library(Paths(tmp_path / "b", tmp_path)).import_(file)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_damage_to_an_export_is_refused_or_harmless(damage: list[tuple[int, int]]):
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shelf = Library(Paths(folder / "home", folder), patience=0.2)
        file = exported(shelf, draft(folder / "set"), folder)
        data = bytearray(file.read_bytes())
        for at, value in damage:
            data[at % len(data)] = value
        file.write_bytes(data)
        other = Library(Paths(folder / "other", folder), patience=0.2)
        try:
            other.import_(file)
        except EasyPhotoError:
            assert other.list() == ()
