"""What lies in the data folder is for its owner alone, however it was made."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_studio import FakeStudio, make_person
from PIL import Image

from easyphoto.domain import PortraitRequest
from easyphoto.jobs import JobFile, JobQueue, Kind
from easyphoto.library import Library, Templates
from easyphoto.paths import Paths
from easyphoto.private_files import make_private, temporary_files_in, write_atomic

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def others_may(root: Path) -> list[str]:
    return [str(part.relative_to(root.parent)) for part in (root, *root.rglob("*")) if part.stat().st_mode & 0o077]


def test_folders_and_the_parents_they_lack(tmp_path: Path):
    make_private(tmp_path / "data" / "jobs" / "one")
    write_atomic(tmp_path / "data" / "jobs" / "note", "text")
    assert others_may(tmp_path / "data") == []


def test_every_folder_of_the_data_is_private(tmp_path: Path):
    paths = Paths(tmp_path / "data")
    Image.new("RGB", (60, 80)).save(tmp_path / "a.png")
    Templates(paths).add(tmp_path / "a.png")
    make_person(paths, "Ann")
    queue = JobQueue(paths, FakeStudio(paths))  # type: ignore[arg-type]
    queue.submit(Kind.PORTRAIT, PortraitRequest(persons=("ann",)), [JobFile(tmp_path / "a.png", "a.png")])
    queue.close()
    folders = [part for part in (paths.root, *paths.root.rglob("*")) if part.is_dir()]
    assert [folder.name for folder in folders if folder.stat().st_mode & 0o077] == []


def test_an_exported_person_is_for_their_owner_alone(tmp_path: Path):
    paths = Paths(tmp_path / "data")
    make_person(paths, "Ann")
    assert Library(paths).export("ann", tmp_path / "ann.zip").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_else_reads_nothing(tmp_path: Path):
    paths = Paths(tmp_path / "data")
    person = make_person(paths, "Ann")
    for place in (tmp_path, *tmp_path.parents):
        place.chmod(place.stat().st_mode | 0o011)
    readable = tmp_path / "readable"
    readable.write_text("anybody's")
    done = [_read_as_nobody(file) for file in (readable, person.reference)]
    assert done == [0, 1]


def _read_as_nobody(file: Path) -> int:
    return subprocess.run(["/bin/cat", str(file)], user=65534, group=65534, capture_output=True).returncode


def test_temporary_files_lie_in_the_given_folder_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TMPDIR", "/somewhere")
    monkeypatch.delenv("TEMP", raising=False)
    before, folder = tempfile.tempdir, tmp_path / "jobs" / "tmp"
    with temporary_files_in(folder):
        with tempfile.NamedTemporaryFile() as file:
            assert Path(file.name).parent == folder
        assert os.environ["TMPDIR"] == os.environ["TEMP"] == str(folder)
    assert (os.environ["TMPDIR"], os.environ.get("TEMP"), tempfile.tempdir) == ("/somewhere", None, before)
