"""On a disk that is really full: what is there is listed and can be deleted, and nothing half is left."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from api.api_world import b64, world
from fake_studio import FakeStudio, make_person
from PIL import Image
from small_disk import fill_up, small_disk

from easyphoto.deletion import delete_person
from easyphoto.domain import PortraitRequest
from easyphoto.errors import NoStorage
from easyphoto.jobs import JobFile, JobQueue, Kind
from easyphoto.library import Library
from easyphoto.library.uploads import UploadStore
from easyphoto.paths import Paths


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    with small_disk(tmp_path / "disk", 4) as place:
        yield place


def files(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def worked(paths: Paths, tmp_path: Path) -> str:
    """A person with a portrait; the portrait's job."""
    make_person(paths, "Ann")
    Image.effect_noise((200, 200), 90).save(tmp_path / "a.png")
    with closing(JobQueue(paths, FakeStudio(paths))) as queue:  # type: ignore[arg-type]
        file = JobFile(tmp_path / "a.png", "a.png")
        job = queue.submit(Kind.PORTRAIT, PortraitRequest(persons=("ann",)), [file])
        for _ in queue.watch(job.id, timeout=5):
            pass
    return job.id


def test_the_program_starts_lists_and_deletes(disk: Path, tmp_path: Path):
    (tmp_path / "data").symlink_to(disk)
    paths = Paths(tmp_path / "data")
    job = worked(paths, tmp_path)
    fill_up(disk)
    with world(tmp_path) as w:
        (listed,) = w.get("jobs").json()["jobs"]
        assert listed["id"] == job and len(listed["result"]["portraits"]) == 1
        assert [person["id"] for person in w.get("persons").json()["persons"]] == ["ann"]
        assert w.client.request("DELETE", f"/easyphoto/v1/jobs/{job}").status_code == 200
        refused = w.post("uploads", {"name": "b.png", "data": b64(os.urandom(3_000_000))})
        assert (refused.status_code, refused.json()["code"]) == (507, "system.disk-full")


def test_a_person_is_deleted(disk: Path, tmp_path: Path):
    paths = Paths(disk / "data")
    worked(paths, tmp_path)
    fill_up(disk)
    studio = FakeStudio(paths)
    removed = delete_person("ann", studio)
    assert removed.portraits == 1 and removed.left == ()
    assert Library(paths).list() == ()


def test_without_any_room_the_disk_is_named_not_called_damaged(disk: Path, tmp_path: Path):
    paths = Paths(disk / "data")
    worked(paths, tmp_path)
    for reserve in paths.jobs.glob("room-*"):
        reserve.unlink()
    fill_up(disk)
    with pytest.raises(NoStorage) as caught:
        JobQueue(paths, FakeStudio(paths))  # type: ignore[arg-type]
    assert caught.value.code == "system.disk-full" and caught.value.params["disk"] == str(disk)


@pytest.mark.parametrize("kind", ["bytes", "file"])
def test_a_failed_upload_leaves_nothing(kind: str, disk: Path, tmp_path: Path):
    store = UploadStore(disk / "uploads")
    store.add("small.png", b"x")
    before = files(disk)
    (tmp_path / "big.png").write_bytes(bytes(6_000_000))
    with pytest.raises(OSError):
        store.add("big.png", tmp_path / "big.png" if kind == "file" else bytes(6_000_000))
    assert files(disk) == before


def test_a_failed_upload_to_the_page_leaves_nothing(disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    gradio = pytest.importorskip("gradio")
    if int(gradio.__version__.split(".")[0]) < 5:
        pytest.skip("our own server runs on a newer gradio only")
    from fastapi.testclient import TestClient

    from easyphoto.api.server import Address, build_app

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(disk / "gradio"))
    monkeypatch.setattr("easyphoto.api.upload_leftovers.STILL_SECONDS", 0.05)
    studio = FakeStudio(Paths(tmp_path / "data"))
    with closing(JobQueue(studio.paths, studio)) as queue:  # type: ignore[arg-type]
        app = build_app(studio, queue, Address(), lambda _: None)  # type: ignore[arg-type]
        with TestClient(app, base_url="http://127.0.0.1:7861", raise_server_exceptions=False) as client:
            sent = {"files": ("me.png", os.urandom(6_000_000), "image/png")}
            good = client.post("/en/gradio_api/upload", files={"files": ("a.png", b"x", "image/png")})
            (disk / "gradio" / "tmp-of-another").write_bytes(b"x")
            answer = client.post("/en/gradio_api/upload", files=sent)
            time.sleep(0.5)
            left = {Path(file).name for file in files(disk)}
    assert (good.status_code, answer.status_code >= 400) == (200, True)
    assert left == {"a.png", "tmp-of-another"}
