"""Persons on disk: names, whole or not at all, removal without a trace, hostile ids and zips."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from easyphoto.domain import LoraCheckpoint, ModelFamily, TrainingSet
from easyphoto.errors import AlreadyThere, BadModel, BadName, BadPicture, Busy, EasyPhotoError, NotAllowed, NotFound
from easyphoto.library import Library, PersonDraft, Templates, check_id, slug
from easyphoto.library import library as shelf_module
from easyphoto.library.lock import write_lock
from easyphoto.library.manifest import parse
from easyphoto.locales import plain
from easyphoto.paths import Paths
from easyphoto.private_files import make_private


def safetensors(file: Path, rank: int = 4, width: int = 768) -> Path:
    """A tiny LoRA file in kohya's format, made by hand; `width` of the cross attention tells the family."""
    module, at = "lora_unet_x_attn2_to_k", 0
    table: dict[str, Any] = {"__metadata__": {"ss_sd_model_name": "base.safetensors"}}
    for name, shape in (("lora_down", (rank, width)), ("lora_up", (2, rank))):
        size = 2 * shape[0] * shape[1]
        table[f"{module}.{name}.weight"] = {"dtype": "F16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    head = json.dumps(table).encode()
    file.write_bytes(struct.pack("<Q", len(head)) + head + bytes(at))
    return file


def picture(file: Path, shade: int = 90) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), (shade, 100, 120)).save(file)
    return file


def draft(folder: Path, name: str = "Anna Müller") -> PersonDraft:
    pictures = tuple(picture(folder / "train" / f"{i:04d}.png", 90 + i) for i in range(3))
    crops = tuple(picture(folder / "photos" / f"{i:04d}.jpg", 90 + i) for i in range(3))
    made = TrainingSet(
        folder=folder,
        pictures=pictures,
        caption="c",
        reference=picture(folder / "reference.png"),
        reports=(),
        embeddings=np.zeros((3, 4), np.float32),
        warnings=(plain("Only 3 photos."),),
        crops=crops,
    )
    lora = LoraCheckpoint(safetensors(folder / "merged.safetensors"), ModelFamily.BUILTIN, 4, 200, 0.31)
    return PersonDraft(
        name=name,
        training_set=made,
        lora=lora,
        face_id=picture(folder / "best.png"),
        report={"losses": [[1, 0.5]], "note": "gut ✓"},
        base_model="built-in",
        recognizer="fake",
    )


@pytest.fixture
def shelf(tmp_path: Path) -> Library:
    return Library(Paths(tmp_path / "home", tmp_path / "models"), patience=0.2)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def anna(tmp_path: Path) -> PersonDraft:
    return draft(tmp_path / "set")


# ---------------------------------------------------------------- names

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


# ---------------------------------------------------------------- create, open, list


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


# ---------------------------------------------------------------- rename, remove


def test_rename_changes_only_the_name(shelf: Library, anna: PersonDraft):
    made = shelf.create(anna)
    renamed = shelf.rename(made.id, " Anna  Schmidt ")
    assert renamed == replace(made, name="Anna Schmidt")
    shelf.create(replace(anna, name="Bert"))
    with pytest.raises(AlreadyThere):
        shelf.rename(made.id, "BERT")
    with pytest.raises(BadName):
        shelf.rename(made.id, "")
    with pytest.raises(NotFound):
        shelf.rename("nobody", "x")


def test_removal_leaves_no_trace(shelf: Library, anna: PersonDraft, home: Path):
    made = shelf.create(anna)
    picture(home / "jobs" / "train-anna-muller" / "set" / "train" / "0000.png")
    picture(home / "jobs" / "train-anna" / "0000.png")
    picture(home / "persons" / ".new-anna-muller" / "0000.png")
    count = sum(1 for f in made.folder.rglob("*") if f.is_file()) + 2
    size = shelf.size(made.id)
    removed = shelf.remove(made.id)
    assert (removed.files, removed.bytes, removed.left) == (count, size, ())
    assert not [f for f in home.rglob("*") if "muller" in f.name]
    assert (home / "jobs" / "train-anna" / "0000.png").is_file(), "another person's job stays"
    with pytest.raises(NotFound):
        shelf.remove(made.id)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom the system can refuse")
def test_what_cannot_be_removed_is_named(shelf: Library, anna: PersonDraft):
    made = shelf.create(anna)
    made.photos[0].parent.chmod(0o500)
    assert set(shelf.remove(made.id).left) == set(made.photos)
    made.photos[0].parent.chmod(0o700)


def test_what_cannot_be_removed_is_named_by_a_refusing_system(
    shelf: Library, anna: PersonDraft, monkeypatch: pytest.MonkeyPatch
):
    made = shelf.create(anna)
    unlink = Path.unlink

    def refuse(file: Path, missing_ok: bool = False) -> None:
        if file.name == "0001.jpg":
            raise PermissionError
        unlink(file, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    assert shelf.remove(made.id).left == (made.photos[1],)


def test_removal_does_not_follow_links(shelf: Library, anna: PersonDraft, tmp_path: Path):
    made = shelf.create(anna)
    precious = picture(tmp_path / "precious" / "a.png")
    (made.folder / "link").symlink_to(precious.parent, target_is_directory=True)
    (made.folder.parent / "linked").symlink_to(precious.parent, target_is_directory=True)
    shelf.remove(made.id)
    shelf.remove("linked")
    assert precious.is_file() and not made.folder.exists()


# ---------------------------------------------------------------- two writers


def test_a_second_writer_is_told(shelf: Library, anna: PersonDraft, home: Path):
    shelf.create(anna)
    with write_lock(home / "persons" / ".lock", 0), pytest.raises(Busy):
        shelf.remove("anna-muller")
    assert shelf.remove("anna-muller").files > 0


def test_a_writer_waits_for_another_one(anna: PersonDraft, home: Path, tmp_path: Path):
    shelf = Library(Paths(home, tmp_path), patience=20)
    (home / "persons").mkdir(parents=True)
    with write_lock(home / "persons" / ".lock", 0):
        thread = threading.Thread(target=shelf.create, args=(anna,))
        thread.start()
        time.sleep(0.3)
        assert shelf.list() == ()
    thread.join(20)
    assert len(shelf.list()) == 1


def test_the_lock_of_a_killed_process_is_free(shelf: Library, anna: PersonDraft, home: Path):
    (home / "persons").mkdir(parents=True)
    code = (
        "import sys,time,pathlib; from easyphoto.library.lock import write_lock\n"
        "with write_lock(pathlib.Path(sys.argv[1]), 0): print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(home / "persons" / ".lock")], stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline().strip() == b"held"
    with pytest.raises(Busy):
        shelf.create(anna)
    child.kill()
    child.wait()
    child.stdout.close()
    assert shelf.create(anna).id == "anna-muller"


# ---------------------------------------------------------------- export and import


def test_a_person_without_a_lora_is_exported_and_imported(shelf: Library, anna: PersonDraft, tmp_path: Path):
    there = shelf.create(replace(anna, lora=None, face_id=None))
    file = shelf.export(there.id, tmp_path / "anna.zip")
    here = Library(Paths(tmp_path / "other home")).import_(file)
    assert here.lora is None and [one.name for one in here.photos] == [one.name for one in there.photos]


def exported(shelf: Library, anna: PersonDraft, tmp_path: Path) -> Path:
    shelf.create(anna)
    return shelf.export("anna-muller", tmp_path / "anna.zip")


def test_there_and_back(shelf: Library, anna: PersonDraft, tmp_path: Path):
    file = exported(shelf, anna, tmp_path)
    other = Library(Paths(tmp_path / "elsewhere", tmp_path), patience=0.2)
    there, here = other.import_(file), shelf.open("anna-muller")
    assert there.name == here.name and there.created == here.created
    for ours in here.folder.rglob("*"):
        if ours.is_file() and ours.name != "manifest.json":
            assert (there.folder / ours.relative_to(here.folder)).read_bytes() == ours.read_bytes()
    assert replace(there, folder=here.folder, lora=None).id == here.id and there.lora is not None
    assert there.lora.distance == 0.31 and there.lora.family is ModelFamily.BUILTIN
    with pytest.raises(AlreadyThere):
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


# ---------------------------------------------------------------- the original's folders


def test_a_person_of_the_original(shelf: Library, tmp_path: Path):
    folder = tmp_path / "old" / "Zhang_San"
    picture(folder / "ref_image.jpg")
    for number in range(20):
        picture(folder / "original_backup" / f"{number}.jpg")
    (folder / "original_backup" / "3.jpg").write_bytes(b"broken")
    outputs = folder / "user_weights" / "best_outputs"
    picture(outputs / "best.jpg")
    safetensors(outputs / "Zhang_San.safetensors", rank=128)
    made = shelf.import_(folder)
    assert (made.id, made.name, made.base_model) == ("zhang-san", "Zhang_San", "base.safetensors")
    assert made.lora is not None and (made.lora.family, made.lora.rank) == (ModelFamily.SD15, 128)
    assert len(made.photos) == 14 and made.face_id is not None and any("3.jpg" in str(w) for w in made.warnings)
    assert (folder / "ref_image.jpg").is_file(), "the original stays as it was"


def test_a_lora_of_an_unknown_family_is_refused(shelf: Library, tmp_path: Path):
    folder = tmp_path / "x"
    picture(folder / "ref_image.jpg")
    (folder / "user_weights" / "best_outputs").mkdir(parents=True)
    safetensors(folder / "user_weights" / "best_outputs" / "x.safetensors", width=1000)
    with pytest.raises(BadModel, match="family"):
        shelf.import_(folder)


@pytest.mark.parametrize("missing", ["ref_image.jpg", "best_outputs"])
def test_a_folder_that_is_no_person_of_the_original(shelf: Library, tmp_path: Path, missing: str):
    folder = tmp_path / "x"
    (folder / "user_weights" / "best_outputs").mkdir(parents=True)
    if missing == "ref_image.jpg":
        safetensors(folder / "user_weights" / "best_outputs" / "x.safetensors")
    else:
        picture(folder / "ref_image.jpg")
    with pytest.raises(BadModel, match=missing):
        shelf.import_(folder)


# ---------------------------------------------------------------- templates


def test_templates_are_added_listed_and_removed(tmp_path: Path):
    paths = Paths(tmp_path / "home", tmp_path / "models")
    picture(paths.shipped_templates / "shipped.jpg")
    shelf = Templates(paths)
    first = shelf.add(picture(tmp_path / "My Wedding.jpg"))
    second = shelf.add(tmp_path / "My Wedding.jpg")
    assert [t.name for t in shelf.list()] == ["shipped", "my-wedding", "my-wedding-2"]
    assert first.file != second.file
    shelf.remove(first.id)
    assert [t.name for t in shelf.list()] == ["shipped", "my-wedding-2"]
    for template, kind in [(shelf.list()[0].id, NotAllowed), ("../../x", NotFound), (first.id, NotFound)]:
        with pytest.raises(kind):
            shelf.remove(template)
    (tmp_path / "bad.jpg").write_bytes(b"no")
    with pytest.raises(BadPicture):
        shelf.add(tmp_path / "bad.jpg")


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_private_folders_have_private_parents(tmp_path: Path):
    before = os.umask(0o022)
    try:
        make_private(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    assert [oct((tmp_path / name).stat().st_mode & 0o777) for name in ("a", "a/b", "a/b/c")] == ["0o700"] * 3
