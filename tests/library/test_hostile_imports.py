"""An archive whose table is sound may still hold anything in its LoRA, its pictures and its report."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from library_world import exported, picture
from PIL import Image
from safetensors.numpy import save, save_file

from easyphoto.errors import BadModel
from easyphoto.images import read_infotext, save_picture
from easyphoto.library import Library, PersonDraft
from easyphoto.library.report import read_report
from easyphoto.lora import check_whole
from easyphoto.paths import Paths

MODULE = "lora_unet_x_attn2_to_k"


def with_member(archive: Path, name: str, data: bytes) -> Path:
    """The export with that file in it, rightly hashed."""
    with zipfile.ZipFile(archive) as opened:
        members = {member: opened.read(member) for member in opened.namelist()}
    facts = json.loads(members["manifest.json"])
    members[name] = data
    facts["files"][name] = hashlib.sha256(data).hexdigest()
    members["manifest.json"] = json.dumps(facts).encode()
    out = archive.with_name("changed.zip")
    with zipfile.ZipFile(out, "w") as written:
        for member, content in members.items():
            written.writestr(member, content)
    return out


def elsewhere(tmp_path: Path) -> Library:
    return Library(Paths(tmp_path / "elsewhere", tmp_path), patience=0.2)


def lora(**changes: Any) -> dict[str, np.ndarray]:
    sound = {
        f"{MODULE}.lora_down.weight": np.full((4, 768), 0.01, np.float16),
        f"{MODULE}.lora_up.weight": np.full((2, 4), 0.01, np.float16),
        f"{MODULE}.alpha": np.array(4, np.float16),
    }
    return {**sound, **{name.replace("__", "."): value for name, value in changes.items()}}


DOWN = f"{MODULE}__lora_down__weight"
BAD_LORAS = {
    "nan": lora(**{DOWN: np.full((4, 768), np.nan, np.float16)}),
    "infinite": lora(**{DOWN: np.full((4, 768), np.inf, np.float16)}),
    "huge": lora(**{DOWN: np.full((4, 768), 60000, np.float16)}),
    "huge alpha": lora(**{f"{MODULE}__alpha": np.array(1e30, np.float32)}),
    "alpha of many": lora(**{f"{MODULE}__alpha": np.ones(9, np.float32)}),
    "whole numbers": lora(**{DOWN: np.ones((4, 768), np.int8)}),
    "bytes": lora(**{DOWN: np.ones((4, 768), np.uint8)}),
    "foreign tensor": lora(**{"model__diffusion_model__weight": np.ones((2, 2), np.float16)}),
    "name that leaves": lora(
        **{
            "lora_unet_../../x__lora_down__weight": np.ones((4, 8), np.float16),
            "lora_unet_../../x__lora_up__weight": np.ones((2, 4), np.float16),
        }
    ),
}


def test_a_sound_lora_passes(tmp_path: Path):
    save_file(lora(), tmp_path / "a.safetensors")
    assert check_whole(tmp_path / "a.safetensors").rank == 4


@pytest.mark.parametrize("kind", BAD_LORAS)
def test_a_lora_is_checked_whole(kind: str, shelf: Library, anna: PersonDraft, tmp_path: Path):
    file = with_member(exported(shelf, anna, tmp_path), "anna-muller.safetensors", save(BAD_LORAS[kind]))
    with pytest.raises(BadModel):
        elsewhere(tmp_path).import_(file)
    assert elsewhere(tmp_path).list() == ()


@pytest.mark.parametrize("name", ["reference.png", "photos/0000.jpg"])
def test_pictures_are_written_anew(name: str, shelf: Library, anna: PersonDraft, tmp_path: Path):
    exif = Image.Exif()
    exif[0x010E] = "SECRET place"
    exif.get_ifd(0x8825)[2] = (48.0, 8.0, 17.0)
    place = tmp_path / Path(name).name
    Image.new("RGB", (40, 30), "red").save(place, exif=exif, comment="SECRET")
    data = place.read_bytes() + b"<script>SECRET</script>"
    there = elsewhere(tmp_path).import_(with_member(exported(shelf, anna, tmp_path), name, data))
    written = (there.folder / name).read_bytes()
    assert b"SECRET" not in written and not Image.open(there.folder / name).getexif()
    again = elsewhere(tmp_path).export(there.id, tmp_path / "again.zip")
    assert Library(Paths(tmp_path / "third", tmp_path)).import_(again).id == there.id  # hashes fit what lies there


def test_the_face_id_picture_keeps_its_mark_and_loses_its_text(shelf: Library, anna: PersonDraft, tmp_path: Path):
    save_picture(Image.new("RGB", (9, 9)), picture(tmp_path / "f.png"), "SECRET words")
    file = with_member(exported(shelf, anna, tmp_path), "face_id.png", (tmp_path / "f.png").read_bytes())
    there = elsewhere(tmp_path).import_(file)
    assert there.face_id is not None and read_infotext(there.face_id) == ""
    assert b"trainedAlgorithmicMedia" in there.face_id.read_bytes()


DEEP = "[" * 5000 + "]" * 5000
BAD_REPORTS = {
    "deep": b'{"note": ' + DEEP.encode() + b"}",
    "rather deep": b'{"note": ' + b"[" * 40 + b"]" * 40 + b"}",
    "wide": json.dumps({"note": list(range(600_000))}).encode(),
    "17 MB": json.dumps({"note": "x" * 17_000_000}).encode(),
    "a long word": json.dumps({"note": "x" * 100_000}).encode(),
    "no object": b"[1, 2]",
    "no json": b"{no",
    "not a number": b'{"losses": [[1, NaN]]}',
    "beyond floats": b'{"losses": [[1, 1e999]]}',
    "beyond integers": b'{"note": 1' + b"0" * 400 + b"}",
    "losses of another type": b'{"losses": {"1": 2}}',
    "losses of words": b'{"losses": [["a", "b"]]}',
    "losses of one": b'{"losses": [[1]]}',
    "settings no table": b'{"settings": [1]}',
    "steps no numbers": b'{"votes": {"a": 1}}',
    "distances of words": b'{"distance_by_step": {"1": "near"}}',
    "seconds of lists": b'{"seconds": {"train": [1]}}',
    "warnings no list": b'{"warnings": "x"}',
    "warnings of numbers": b'{"warnings": [7]}',
    "a warning with wrong params": b'{"warnings": [{"code": "x", "params": 3}]}',
    "bytes": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("kind", BAD_REPORTS)
def test_a_report_is_bounded_and_of_the_right_types(kind: str, shelf: Library, anna: PersonDraft, tmp_path: Path):
    file = with_member(exported(shelf, anna, tmp_path), "report.json", BAD_REPORTS[kind])
    with pytest.raises(BadModel):
        elsewhere(tmp_path).import_(file)
    assert elsewhere(tmp_path).list() == ()


def test_a_report_of_ours_is_read(tmp_path: Path):
    facts = {
        "settings": {"train_lora": True, "steps": 400},
        "photos": [{"name": "a.jpg", "reasons": [{"code": "photo.left-out", "params": {}, "text": "x"}]}],
        "losses": [[step, 0.5] for step in range(10_000)],
        "distance_by_step": {"100": 0.4},
        "votes": {"100": 1.0},
        "seconds": {"train": 12.5},
        "warnings": ["An old sentence."],
    }
    (tmp_path / "report.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    assert read_report(tmp_path / "report.json") == facts
