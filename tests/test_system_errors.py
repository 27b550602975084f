"""What the system refuses is a failure with a code and a remedy at every interface, never a defect."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from api.api_world import PHOTO, TRAIN, world
from fake_studio import FakeStudio, make_person
from PIL import Image
from small_disk import fill_up, small_disk

from easyphoto import private_files
from easyphoto.cli import app as cli
from easyphoto.domain import PortraitRequest
from easyphoto.errors import BadModel, BadPicture, EasyPhotoError, NoResources, NoStorage
from easyphoto.images import open_picture, save_picture
from easyphoto.jobs import CheckRequest, JobFile, JobQueue, Kind, State
from easyphoto.library import Library
from easyphoto.paths import Paths
from easyphoto.system_errors import disk_of, failure_of, refusal_of

CODES = {
    errno.ENOSPC: "system.disk-full",
    errno.EDQUOT: "system.quota",
    errno.EROFS: "system.read-only",
    errno.EACCES: "system.no-permission",
    errno.EPERM: "system.no-permission",
    errno.EMFILE: "system.too-many-files",
    errno.ENFILE: "system.too-many-files",
    errno.ENAMETOOLONG: "system.name-too-long",
    errno.EIO: "system.disk-fault",
    errno.ENOMEM: "system.out-of-memory",
    errno.ENOENT: "system.not-there",
    errno.EISDIR: "system.in-the-way",
    errno.ELOOP: "system.refused",
}
STATUS = {"system.disk-full": 507, "system.quota": 507, "system.read-only": 507, "system.no-permission": 507}
STATUS |= {"system.too-many-files": 503, "system.out-of-memory": 503, "system.disk-fault": 507}


class OutOfMemoryError(RuntimeError):
    """As torch's is called."""


@pytest.mark.parametrize("number", CODES, ids=[errno.errorcode[number] for number in CODES])
def test_the_systems_numbers(number: int, tmp_path: Path):
    failure = refusal_of(OSError(number, os.strerror(number), str(tmp_path / "a.png")))
    assert failure is not None and failure.code == CODES[number]
    assert failure.problem and failure.remedy and "report" not in failure.remedy
    assert failure.file in ("", str(tmp_path / "a.png"))


def test_a_full_disk_is_named_with_its_folder(tmp_path: Path):
    failure = refusal_of(OSError(errno.ENOSPC, "full", "source.png", None, str(tmp_path / "not" / "there.png")))
    assert failure is not None
    assert failure.params["disk"] == disk_of(tmp_path) and os.path.ismount(failure.params["disk"])
    assert str(tmp_path) in failure.remedy and str(tmp_path / "not") not in failure.remedy


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (sqlite3.OperationalError("database or disk is full"), "system.disk-full"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "system.read-only"),
        (sqlite3.OperationalError("disk I/O error"), "system.disk-fault"),
        (sqlite3.OperationalError("database is locked"), "system.locked"),
        (sqlite3.OperationalError("unable to open database file"), "system.refused"),
        (MemoryError(), "system.out-of-memory"),
        (OutOfMemoryError("CUDA out of memory."), "system.out-of-memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "system.out-of-memory"),
        (Exception("Error: I/O error: No space left on device (os error 28)"), "system.disk-full"),
    ],
)
def test_libraries_wrap_the_systems_refusals(error: Exception, code: str, tmp_path: Path):
    failure = refusal_of(error, [tmp_path])
    assert failure is not None and failure.code == code


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), OSError("image file is truncated")])
def test_what_is_no_refusal_stays_a_defect(error: Exception):
    assert refusal_of(error) is None


def test_our_own_failures_stay_what_they_are():
    ours = BadModel("engine.lora-empty")
    assert failure_of(ours) is ours


# ---------------------------------------------------------------- below the interfaces


def refuse(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def test_a_failed_write_names_its_file_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def write_bytes(self: Path, data: bytes) -> int:
        raise refuse(errno.ENOSPC)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(OSError) as caught:
        private_files.write_atomic(tmp_path / "a.txt", "text")
    assert caught.value.filename == str(tmp_path / "a.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_cannot_be_read_now_is_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "a.png"
    save_picture(Image.new("RGB", (9, 9)), file)
    monkeypatch.setattr(Image, "open", lambda *a, **k: (_ for _ in ()).throw(refuse(errno.EMFILE)))
    with pytest.raises(NoResources):
        open_picture(file)
    monkeypatch.setattr(Image, "open", lambda *a, **k: (_ for _ in ()).throw(refuse(errno.EIO)))
    with pytest.raises(BadPicture) as caught:
        open_picture(file)
    assert caught.value.code == "picture.unreadable"


def test_persons_do_not_vanish_when_too_many_files_are_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    paths = Paths(tmp_path)
    make_person(paths, "Ann")
    monkeypatch.setattr(Path, "read_text", lambda *a, **k: (_ for _ in ()).throw(refuse(errno.EMFILE)))
    with pytest.raises(NoResources):
        Library(paths).list()


def test_an_import_on_a_full_disk_does_not_blame_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    paths = Paths(tmp_path / "data")
    make_person(paths, "Ann")
    library = Library(paths)
    library.export("ann", tmp_path / "ann.zip")
    library.remove("ann")
    original = Path.open

    def full(self: Path, mode: str = "r", *more: object, **named: object) -> object:
        if "x" in mode or "w" in mode:
            raise refuse(errno.ENOSPC)
        return original(self, mode, *more, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(NoStorage):
        library.import_(tmp_path / "ann.zip")


# ---------------------------------------------------------------- command line


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "system.disk-full"), (errno.EMFILE, "system.too-many-files")]
)
def test_the_command_line_says_it_and_ends_with_7(
    number: int, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    studio = FakeStudio(Paths(tmp_path), fails=refuse(number))
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    arguments = ["train", "--check", "--name", "Ann", "--photos", str(tmp_path / "a.png"), "--json"]
    assert cli.main(arguments, lambda root: studio) == 7  # type: ignore[arg-type,return-value]
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code


# ---------------------------------------------------------------- API and jobs


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EMFILE, errno.EDQUOT])
def test_the_api_answers_507_or_503(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with world(tmp_path) as w:
        monkeypatch.setattr("easyphoto.library.uploads.write_atomic", lambda *a: (_ for _ in ()).throw(refuse(number)))
        answer = w.post("uploads", PHOTO)
        assert answer.status_code == STATUS[CODES[number]]
        assert answer.json()["code"] == CODES[number]
        assert str(tmp_path / "data") not in answer.text
        assert list(w.studio.paths.uploads.iterdir()) == []


@pytest.mark.parametrize("error", [refuse(errno.ENOSPC), MemoryError(), OutOfMemoryError("CUDA out of memory")])
def test_a_job_fails_with_the_code(error: Exception, tmp_path: Path):
    with world(tmp_path) as w:
        w.studio.fails = error
        job = w.ended(w.post("jobs/train", TRAIN).json())
    assert job["state"] == "failed"
    assert job["error"]["code"] in ("system.disk-full", "system.out-of-memory")
    assert job["error"]["stage"] == "train"


# ---------------------------------------------------------------- a disk that is really full


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    with small_disk(tmp_path / "disk", 2) as place:
        yield place


def test_a_full_disk_refuses_new_work_and_lists_what_is_finished(disk: Path, tmp_path: Path):
    paths = Paths(disk / "data", tmp_path / "models")
    make_person(paths, "Ann")
    Image.effect_noise((300, 300), 90).save(tmp_path / "a.png")
    file = JobFile(tmp_path / "a.png", "a.png")
    with closing(JobQueue(paths, FakeStudio(paths))) as queue:  # type: ignore[arg-type]
        done = queue.submit(Kind.PORTRAIT, PortraitRequest(persons=("ann",)), [file])
        assert [event.state for event in queue.watch(done.id, timeout=5)][-1] is State.DONE
        fill_up(disk)
        with pytest.raises((NoStorage, OSError, sqlite3.Error)) as caught:
            queue.submit(Kind.CHECK, CheckRequest(), [file])
        failure = failure_of(caught.value, [paths.root])
        assert isinstance(failure, NoStorage) and failure.params["disk"] == str(disk)
        (listed,) = queue.list(Kind.PORTRAIT)
        assert len((listed.result or {})["portraits"]) == 1


def test_a_job_ends_once_the_disk_has_room_again(disk: Path, tmp_path: Path):
    import threading

    paths = Paths(disk / "data", tmp_path / "models")
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    studio = FakeStudio(paths, gate=threading.Event())
    with closing(JobQueue(paths, studio)) as queue:  # type: ignore[arg-type]
        job = queue.submit(Kind.CHECK, CheckRequest(), [JobFile(tmp_path / "a.png", "a.png")])
        while queue.get(job.id).state is not State.RUNNING:
            pass
        fill_up(disk)
        assert studio.gate is not None
        studio.gate.set()
        (disk / "ballast").unlink()
        for _ in queue.watch(job.id, timeout=10):
            pass
        assert queue.get(job.id).over


@pytest.mark.parametrize("command", [["persons", "export", "ann"], ["persons", "rename", "ann", "Bob"]])
def test_commands_on_a_full_disk(command: list[str], disk: Path, capsys: pytest.CaptureFixture[str]):
    paths = Paths(disk / "data")
    make_person(paths, "Ann")
    fill_up(disk)
    more = [str(disk / "ann.zip")] if "export" in command else []
    assert cli.main([*command, *more, "--data", str(paths.root), "--json"]) == 7
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "system.disk-full"
    assert [person.id for person in Library(paths).list()] == ["ann"]


def test_an_error_says_nothing_of_reporting(tmp_path: Path):
    failure: EasyPhotoError | None = refusal_of(refuse(errno.ENOSPC), [tmp_path])
    assert failure is not None and "defect" not in str(failure).lower()
