"""kill -9 of the trainer and of its parent, all over a training: it resumes, and ends as the unbroken one does."""

from __future__ import annotations

import sys
import time
from contextlib import closing

import psutil
import pytest
from counts import spread, tries
from tiny_cli import studio
from training_world import REQUEST, Ended, TrainingWorld, ended, trainer_of, wait_until

from easyphoto.domain import ModelFamily, TrainRequest
from easyphoto.jobs import Job, JobFile, JobQueue, Kind, State

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")]

LAST_EVENT = 20
"""Of the training's 24 events: started, loaded, step 0's image, 12 steps, 4 checkpoints with an image each, done."""


def killed_at(training: TrainingWorld, event: int, whom: str) -> tuple[Ended, psutil.Process | None]:
    """The command whose trainer or who itself is killed once the trainer has said so much; the trainer."""
    process = training.start()
    wait_until(lambda: trainer_of(process) is not None, process)
    trainer = trainer_of(process)
    wait_until(lambda: training.events() >= event, process)
    if whom == "parent":
        process.kill()
    elif trainer is not None:
        trainer.kill()
    return ended(process), trainer


@pytest.mark.parametrize("event", spread(tries(2, 20), LAST_EVENT))
def test_a_killed_trainer_is_an_interruption_and_the_same_command_goes_on(
    training: TrainingWorld, unbroken: str, event: int
):
    first, _ = killed_at(training, event, "trainer")
    assert first.code == 5
    assert first.answer["error"]["kind"] == "TrainingInterrupted"
    assert not training.person.exists()
    assert training.working.is_dir()
    again = training.run()
    assert again.code == 0, again.answer
    assert training.tensors() == unbroken
    assert not training.working.exists()


@pytest.mark.parametrize("event", spread(tries(2, 20), LAST_EVENT))
def test_nothing_outlives_a_killed_parent_and_the_same_command_goes_on(
    training: TrainingWorld, unbroken: str, event: int
):
    first, trainer = killed_at(training, event, "parent")
    assert first.code == -9
    assert trainer is not None
    psutil.wait_procs([trainer], timeout=5)
    assert not trainer.is_running() or trainer.status() == psutil.STATUS_ZOMBIE
    assert training.run().code == 0
    assert training.tensors() == unbroken


def job_of(queue: JobQueue, training: TrainingWorld) -> Job:
    request = TrainRequest.for_family(ModelFamily.BUILTIN, person="Ann", consent=True, **REQUEST)
    files = sorted((training.folder / "photos").iterdir())
    return queue.submit(Kind.TRAIN, request, [JobFile(file, file.name) for file in files])


def over(queue: JobQueue, job: Job) -> Job:
    end = time.monotonic() + 120
    while not (now := queue.get(job.id)).over:
        assert time.monotonic() < end
        time.sleep(0.05)
    return now


def test_a_job_whose_trainer_is_killed_is_interrupted_and_resumes(
    training: TrainingWorld, unbroken: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    world = studio(training.data, training.folder / "models", training.base)
    with closing(JobQueue(world.paths, world)) as queue:
        job = job_of(queue, training)
        while queue.get(job.id).done < 4:
            time.sleep(0.01)
        for child in psutil.Process().children():
            child.kill()
        stopped = over(queue, job)
        assert (stopped.state, stopped.resumable) == (State.INTERRUPTED, True)
        assert stopped.error is not None and stopped.error["code"] == "training.interrupted"
        assert not training.person.exists()
        queue.resume(job.id)
        finished = over(queue, job)
    assert (finished.state, finished.error) == (State.DONE, None)
    assert training.tensors() == unbroken
