"""A photo that cannot be read is dropped with its reason, and ends nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from fakes import FakeFaces, draw_faces
from PIL import Image

from easyphoto.domain import Photo, TrainRequest, Verdict
from easyphoto.progress import silent
from easyphoto.training.prepare import check, prepare
from easyphoto.training.working_folder import fingerprint


def selfie(file: Path) -> Path:
    Image.fromarray(draw_faces((400, 400), [((200, 200), 200, (220, 120, 90))])).save(file)
    return file


def unreadable(folder: Path) -> list[Path]:
    """8 GB, nothing there, a folder, a pipe, an empty file, a cut file."""
    (folder / "folder.jpg").mkdir()
    (folder / "empty.jpg").touch()
    with (folder / "8gb.jpg").open("wb") as huge:
        huge.truncate(8_000_000_000)  # a hole, which takes no room
    whole = selfie(folder / "whole.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.jpg")
    names = ("folder.jpg", "empty.jpg", "8gb.jpg", "cut.png", "pipe.jpg", "none.jpg")
    return [folder / name for name in names]


def test_photos_that_cannot_be_read_are_dropped_with_a_reason(tmp_path: Path):
    photos = [Photo(file, file.name) for file in (*unreadable(tmp_path), selfie(tmp_path / "good.png"))]
    *dropped, kept = check(photos, FakeFaces(), silent)
    assert kept.verdict is not Verdict.DROP
    assert [report.verdict for report in dropped] == [Verdict.DROP] * len(dropped)
    assert all(report.reasons and str(report.reasons[0]) for report in dropped)
    made = prepare(photos, TrainRequest(person="Ann"), FakeFaces(), tmp_path / "set", silent)
    assert len(made.pictures) == 1
    assert fingerprint(TrainRequest(person="Ann"), photos) == fingerprint(TrainRequest(person="Ann"), photos)


def test_a_photo_on_a_bad_disk_is_dropped_as_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    photos = [Photo(selfie(tmp_path / name), name) for name in ("bad.png", "good.png")]
    real = Image.open

    def failing(file: Path, *more: object, **named: object) -> Image.Image:
        if Path(file).name == "bad.png":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(file, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Image, "open", failing)
    bad, good = check(photos, FakeFaces(), silent)
    assert "cannot be read" in str(bad.reasons[0]) and good.verdict is not Verdict.DROP
