"""No memory and no more open files, wherever that happens: named as such, never as a damaged file or a defect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest
from fake_studio import FakeStudio
from fakes import FakeEngine, FakeFaces, draw_faces, fake_toolboxes, save
from training_world import ROOT, Ended, TrainingWorld, ended, trainer_of, wait_until

from easyphoto.domain import Photo, PortraitRequest, Template, TrainRequest
from easyphoto.errors import EasyPhotoError, NoResources
from easyphoto.jobs import CheckRequest, JobFile, JobQueue, Kind, State
from easyphoto.paths import Paths
from easyphoto.studio import Studio
from easyphoto.system_errors import failure_of

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of a running process")


def out_of_memory(*_: Any, **__: Any) -> Any:
    raise MemoryError


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    paths = Paths(tmp_path / "data", tmp_path / "models")
    return Studio(paths, FakeEngine(), fake_toolboxes(paths))  # type: ignore[arg-type]


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    return Photo(save(draw_faces((300, 300), [((150, 150), 120, (190, 110, 90))]), tmp_path / "a.png"), "a.png")


def attempts(studio: Studio, photo: Photo) -> dict[str, Callable[[], Any]]:
    wanted, templates = TrainRequest(person="Ann", consent=True, train_lora=False), [Template(photo.file, "t.png")]
    return {
        "check": lambda: studio.check_photos([photo]),
        "training": lambda: studio.train(wanted, [photo]),
        "portrait": lambda: studio.portrait(PortraitRequest(persons=("ann",)), templates),
    }


@pytest.mark.parametrize("tool", ["detect", "embed", "matte", "regions", "retone", "fuse", "render"])
def test_memory_that_runs_out_in_any_tool_is_named(
    studio: Studio, photo: Photo, monkeypatch: pytest.MonkeyPatch, tool: str
):
    tries = attempts(studio, photo)
    tries["training"]()
    studio.library.remove("ann")
    monkeypatch.setattr(FakeEngine if tool == "render" else FakeFaces, tool, out_of_memory)
    told: list[EasyPhotoError | None] = []
    for attempt in tries.values():
        try:
            done = attempt()
        except Exception as error:  # whatever it is, an interface shows it by `failure_of`
            told.append(failure_of(error))
        else:
            told += getattr(done, "failures", ())
    assert None not in told
    assert not any("damaged" in str(one) or "defect" in str(one) for one in told)


def test_a_job_that_has_no_memory_says_so_and_the_next_one_runs(tmp_path: Path):
    studio = FakeStudio(Paths(tmp_path / "data"), fails=MemoryError())
    picture = save(draw_faces((30, 30), []), tmp_path / "a.png")
    with closing(JobQueue(studio.paths, studio)) as queue:  # type: ignore[arg-type]
        job = queue.submit(Kind.CHECK, CheckRequest(), [JobFile(picture, "a.png")])
        list(queue.watch(job.id, timeout=10))
        failed = queue.get(job.id)
        assert (failed.state, failed.error and failed.error["code"]) == (State.FAILED, "system.out-of-memory")
        studio.fails = None
        again = queue.submit(Kind.CHECK, CheckRequest(), [JobFile(picture, "a.png")])
        list(queue.watch(again.id, timeout=10))
        assert queue.get(again.id).state is State.DONE


@linux
@pytest.mark.slow
def test_a_trainer_without_memory_is_interrupted_and_the_same_command_goes_on(
    training: TrainingWorld, unbroken_run: tuple[TrainingWorld, Ended]
):
    """By its losses: a trial picture that could not be painted has no vote, so the merged file may differ."""
    process = training.start()
    wait_until(lambda: training.events() >= 7, process)  # the first checkpoint is written
    trainer = trainer_of(process)
    assert trainer is not None
    trainer.rlimit(psutil.RLIMIT_AS, (trainer.memory_info().vms,) * 2)
    last = ended(process)
    if last.code:  # what it already had may have been enough
        assert last.answer["error"]["kind"] == "TrainingInterrupted", last.answer
        assert "memory" in last.answer["error"]["remedy"].lower(), last.answer
        last = training.run()
    assert last.code == 0
    assert last.answer["losses"] == unbroken_run[1].answer["losses"]


@linux
@pytest.mark.slow
def test_too_many_open_files_never_count_as_a_damaged_model_or_photo(astronaut: Path):
    search = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("few_files.py")), str(astronaut)],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": search}, timeout=300, check=True,
    )  # fmt: skip
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert results[0]["code"] == 0, results[0]
    assert {one["code"] for one in results} <= {0, 7}, results
    for one in results[1:]:
        assert "damaged" not in one["said"] and "cut off" not in one["said"], one
        if one["code"] == 0:
            assert json.loads(one["said"])["photos"] == json.loads(results[0]["said"])["photos"], one
        else:
            assert json.loads(one["said"])["error"]["code"] == "system.too-many-files", one
    assert any(one["code"] == 7 for one in results)


def test_the_code_of_missing_memory_is_a_shortage():
    assert isinstance(failure_of(MemoryError()), NoResources)
