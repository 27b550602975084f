"""Files that are no sound photo: told of one by one, and everything else goes on."""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from bad_files import contents, special, write
from counts import tries
from fake_studio import FakeStudio, make_person
from fakes import FakeEngine, draw_faces, fake_toolboxes, save
from fastapi import FastAPI
from starlette.testclient import TestClient

from easyphoto.api import Access, build_api
from easyphoto.domain import Photo, PortraitRequest, Template, TrainRequest, Verdict
from easyphoto.errors import EasyPhotoError
from easyphoto.jobs import CheckRequest, JobFile, JobQueue, Kind, State
from easyphoto.paths import Paths
from easyphoto.studio import Studio

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and links")

COUNT = tries(100, 130)


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("bad") / "files"
    files = write(folder, COUNT)
    return [*files, *special(folder)]


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    paths = Paths(tmp_path / "data", tmp_path / "models")
    return Studio(paths, FakeEngine(), fake_toolboxes(paths))  # type: ignore[arg-type]


def good(folder: Path) -> list[Path]:
    faces = [[((120 + 30 * n, 150), 120 + 20 * n, (190, 110 + 9 * n, 90))] for n in range(3)]
    return [save(draw_faces((300, 300), face), folder / f"good-{n}.png") for n, face in enumerate(faces)]


def sound(bad: Sequence[Path]) -> set[str]:
    """Those that may have stayed pictures, since a changed byte may say little."""
    return {file.name for file in bad if file.name.startswith("flipped")}


def photos(files: Sequence[Path]) -> list[Photo]:
    return [Photo(file, file.name) for file in files]


def test_the_check_says_of_every_one_that_it_cannot_be_used(bad: list[Path], studio: Studio):
    reports = studio.check_photos(photos(bad))
    assert len(reports) == len(bad) >= 100
    assert {report.name for report in reports if not (report.verdict is Verdict.DROP and report.reasons)} <= sound(bad)


def test_a_training_goes_on_with_the_good_ones(bad: list[Path], studio: Studio, tmp_path: Path):
    request = TrainRequest(person="Ann", consent=True, train_lora=False)
    done = studio.train(request, photos([*bad, *good(tmp_path)]))
    trained = {report.name for report in done.reports if report.trained}
    assert trained - sound(bad) == {"good-0.png", "good-1.png", "good-2.png"}


def test_a_batch_goes_on_with_the_good_ones(bad: list[Path], studio: Studio, tmp_path: Path):
    files = good(tmp_path)
    studio.train(TrainRequest(person="Ann", consent=True, train_lora=False), photos(files))
    templates = [Template(file, file.name) for file in (*bad, *files[:1])]
    batch = studio.portrait(PortraitRequest(persons=("ann",)), templates)
    assert {portrait.template for portrait in batch.portraits} - sound(bad) == {"good-0.png"}
    assert {failure.file for failure in batch.failures} >= {file.name for file in bad} - sound(bad)
    assert len(batch.portraits) + len(batch.failures) == len(templates)


def test_the_api_and_its_jobs_name_every_one(tmp_path: Path):
    studio = FakeStudio(Paths(tmp_path / "data", tmp_path / "models"))
    queue = JobQueue(studio.paths, studio)  # type: ignore[arg-type]
    app = FastAPI()
    app.mount("/easyphoto", build_api(studio, queue, Access.local()))  # type: ignore[arg-type]
    client = TestClient(app, base_url="http://127.0.0.1:7860")
    files = [
        {"name": name, "data": base64.b64encode(data).decode()} for name, data in contents(COUNT) if len(data) < 10**6
    ]
    try:
        for file in files:
            assert client.post("/easyphoto/v1/templates", json=file).status_code in (201, 400, 422), file["name"]
        job = client.post("/easyphoto/v1/jobs/check", json={"photos": [file for file in files if file["data"]]})
        assert job.status_code in (202, 422), job.text
        while not queue.get(job.json()["id"]).over:
            time.sleep(0.02)
        assert queue.get(job.json()["id"]).state is State.DONE
    finally:
        queue.close()


def test_the_queue_takes_no_pipe_folder_or_device(bad: list[Path], tmp_path: Path):
    studio = FakeStudio(Paths(tmp_path / "data"))
    make_person(studio.paths, "Ann")
    queue = JobQueue(studio.paths, studio)  # type: ignore[arg-type]
    try:
        for file in bad:
            if not file.is_file():
                with pytest.raises(EasyPhotoError):
                    queue.submit(Kind.CHECK, CheckRequest(), [JobFile(file, file.name)])
        assert [folder for folder in studio.paths.jobs.iterdir() if folder.is_dir() and folder.name[0] == "2"] == []
    finally:
        queue.close()
