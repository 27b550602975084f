"""The store of uploads: many at a time, nothing half-written, nothing kept for longer than a day."""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fake_studio import FakeStudio

from easyphoto.errors import NotFound
from easyphoto.jobs import JobQueue, expiry
from easyphoto.library import uploads
from easyphoto.library.uploads import UploadStore, remove_expired, request_folder
from easyphoto.paths import Paths


def test_a_sweep_does_not_mind_what_another_one_has_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: iter([folder / "removed-meanwhile"]))
    remove_expired(tmp_path, "*")


def test_many_requests_at_once_come_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "KEEP_SECONDS", 3600.0)

    def request(number: int) -> None:
        for _ in range(20):
            shutil.rmtree(request_folder(tmp_path))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(request, range(16)))
    assert list(tmp_path.iterdir()) == []


def test_an_upload_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = UploadStore(tmp_path / "uploads")

    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space"):
        store.add("me.jpg", tmp_path / "me.jpg")
    assert list((tmp_path / "uploads").iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_uploads_are_for_their_owner_alone(tmp_path: Path):
    store = UploadStore(tmp_path / "data" / "jobs" / "uploads")
    file = store.add("me.jpg", b"photo").file
    assert {oct(part.stat().st_mode & 0o077) for part in (file, *list(file.parents)[:4])} == {"0o0"}


@pytest.mark.parametrize("upload", ["..", "../x", "0" * 32, "0" * 31 + "\n", ""])
def test_ids_that_are_none(tmp_path: Path, upload: str):
    with pytest.raises(NotFound):
        UploadStore(tmp_path).open(upload)


def test_everything_that_was_brought_goes_after_a_day_without_anybody_bringing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(expiry, "EVERY_SECONDS", 0.02)
    paths = Paths(tmp_path / "data")
    before, meanwhile = (UploadStore(paths.uploads).add(name, b"photo").file for name in ("a", "b"))
    drafts = paths.jobs / "drafts"
    drafts.mkdir()
    _age(before.parent, drafts)
    queue = JobQueue(paths, FakeStudio(paths))  # type: ignore[arg-type]
    try:
        assert (before.exists(), drafts.exists(), meanwhile.exists()) == (False, False, True)
        _age(meanwhile.parent)
        end = time.monotonic() + 10
        while meanwhile.exists() and time.monotonic() < end:
            time.sleep(0.01)
        assert not meanwhile.exists()
    finally:
        queue.close()


def _age(*folders: Path) -> None:
    for folder in folders:
        os.utime(folder, (1, 1))
