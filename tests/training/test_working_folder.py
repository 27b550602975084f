"""The working folder of a training belongs to one training at a time."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fake_studio import FakeStudio, make_person

from easyphoto.deletion import delete_person
from easyphoto.domain import ModelFamily, Photo, TrainRequest
from easyphoto.errors import BadName, Busy
from easyphoto.paths import Paths
from easyphoto.training.working_folder import fingerprint, working_folder


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "数据 home", tmp_path / "models")


def request(**changes) -> TrainRequest:
    return TrainRequest.for_family(ModelFamily.BUILTIN, **{"person": "Ann", "consent": True, **changes})


@pytest.mark.parametrize("name", ["../../x", "CON", "a:b>c", "名字", "😀"])
def test_job_folders_stay_where_they_belong(paths: Paths, photos: list[Photo], name: str):
    try:
        with working_folder(request(person=name), photos, paths) as (folder, _):
            assert folder.resolve().parent == paths.jobs.resolve()
    except BadName:
        return


def test_the_same_job_goes_on_where_it_was(paths: Paths, photos: list[Photo]):
    with working_folder(request(), photos, paths) as (folder, resume):
        assert not resume
        (folder / "run").mkdir()
    with working_folder(request(), photos, paths) as (again, resume):
        assert resume
        assert (again / "run").is_dir()


def test_an_early_end_may_be_accepted_after_the_first_try(paths: Paths, photos: list[Photo]):
    with working_folder(request(), photos, paths):
        pass
    with working_folder(request(accept_early=True), photos, paths) as (_, resume):
        assert resume


@pytest.mark.parametrize("what", ["setting", "photo", "override"])
def test_another_job_of_that_name_starts_clean(paths: Paths, photos: list[Photo], what: str):
    with working_folder(request(), photos, paths) as (folder, _):
        pass
    (folder / "old.jpg").write_bytes(b"someone else")
    changed, wanted = list(photos), request()
    if what == "setting":
        wanted = request(max_steps=7)
    elif what == "photo":
        changed = photos[:2]
    else:
        changed[0] = replace(photos[0], override="drop")
    with working_folder(wanted, changed, paths) as (folder, resume):
        assert not resume
        assert not (folder / "old.jpg").exists()


def test_the_fingerprint_looks_at_the_bytes_and_not_at_the_name(photos: list[Photo], tmp_path: Path):
    copy = tmp_path / "other name.png"
    copy.write_bytes(photos[0].file.read_bytes())
    assert fingerprint(request(), photos[:1]) == fingerprint(request(), [Photo(copy, "x")])


def test_a_second_training_of_a_name_is_refused_and_the_first_keeps_its_files(paths: Paths, photos: list[Photo]):
    with working_folder(request(), photos, paths) as (folder, _):
        (folder / "checkpoint").write_bytes(b"the first one's")
        with pytest.raises(Busy), working_folder(request(seed=7), photos[:1], paths):
            pass
        assert (folder / "checkpoint").is_file()
        with working_folder(request(person="Bob"), photos, paths):
            pass


OTHER = """
import sys
from pathlib import Path
from easyphoto.paths import Paths
from easyphoto.training.working_folder import owned
with owned("ann", Paths(Path(sys.argv[1]))):
    print("mine", flush=True)
    sys.stdin.read()
"""


def test_the_owner_may_be_another_process_and_its_death_frees_the_folder(paths: Paths, photos: list[Photo]):
    make_person(paths, "Ann")
    root = Path(__file__).resolve().parents[2]
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(paths.root)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root,
    )  # fmt: skip
    try:
        assert other.stdout is not None and other.stdout.readline() == "mine\n"
        with pytest.raises(Busy), working_folder(request(), photos, paths):
            pass
        with pytest.raises(Busy):  # a deletion would take the files from under it
            delete_person("ann", FakeStudio(paths))  # type: ignore[arg-type]
    finally:
        other.kill()
        other.communicate()
    with working_folder(request(), photos, paths):
        pass


def test_lock_files_do_not_tell_whose_they_are(paths: Paths, photos: list[Photo]):
    with working_folder(request(person="Zaphira"), photos, paths) as (folder, _):
        pass
    names = [file.name for file in paths.jobs.iterdir() if file != folder]
    assert names and not any("zaphira" in name for name in names)


def test_a_photo_that_cannot_be_read_does_not_end_the_training(paths: Paths, photos: list[Photo], tmp_path: Path):
    """The photo check drops it with a reason; before, reading it for the fingerprint raised FileNotFoundError."""
    gone = Photo(tmp_path / "gone.jpg", "gone.jpg")
    with working_folder(request(), [*photos, gone], paths) as (folder, resume):
        assert folder.is_dir() and not resume
    with working_folder(request(), [*photos, gone], paths) as (_, resume):
        assert resume


def test_a_huge_photo_is_not_read_for_the_fingerprint(photos: list[Photo], tmp_path: Path):
    huge = tmp_path / "huge.jpg"
    with huge.open("wb") as opened:
        opened.truncate(20 * 2**30)  # a hole: 20 GB that take no room
    assert fingerprint(request(), [Photo(huge, "huge.jpg")]) != fingerprint(request(), photos)
