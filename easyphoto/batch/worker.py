"""Doing one task with a studio, unless it is done; in whichever process, on whichever machine."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from easyphoto.batch.records import Records
from easyphoto.batch.task import BatchTask, PortraitWork, TaskResult, TrainWork
from easyphoto.domain import Person
from easyphoto.errors import EasyPhotoError, NotFound
from easyphoto.library import slug
from easyphoto.paths import shortened
from easyphoto.private_files import make_private
from easyphoto.progress import Progress
from easyphoto.system_errors import FAILURES, failure_of

if TYPE_CHECKING:
    from easyphoto.studio import Studio

KEY_DIGITS, STEM = 8, 120


@dataclass(frozen=True)
class StudioSettings:
    """Opens the same studio in any process that reaches `root`."""

    root: Path
    engine: str
    faces: str

    def __call__(self) -> Studio:
        """The studio."""
        from easyphoto.studio import Studio

        return Studio.local(self.root, self.engine, self.faces)


@lru_cache(maxsize=1)
def _opened(open_studio: Callable[[], Studio]) -> Studio:
    """One a process: the next task finds its models loaded."""
    return open_studio()


@dataclass(frozen=True)
class Worker:
    """Does tasks; portraits go to `out`, a folder a person."""

    open_studio: Callable[[], Studio]
    out: Path

    def __call__(self, task: BatchTask, before: TaskResult | None, report: Progress) -> TaskResult:
        """The task's result. `before` is that of the task it comes after; where that has failed, so has this."""
        if before is not None and before.failure:
            return TaskResult(task.key, failure=before.failure)
        begun = time.monotonic()
        try:
            done = self._do(task, report)
        except FAILURES as error:
            failure = failure_of(error, [self.out], "batch")
            if failure is None:
                raise
            done = TaskResult(task.key, failure=failure.as_json())
        return replace(done, seconds=round(time.monotonic() - begun, 2))

    def _do(self, task: BatchTask, report: Progress) -> TaskResult:
        if isinstance(task.work, TrainWork):
            return self._train(task.key, task.work, report)
        return self._portrait(task, task.work, report)

    def _train(self, key: str, work: TrainWork, report: Progress) -> TaskResult:
        """Raises what a training raises, AlreadyThere for somebody of that name whom this task has not made."""
        records, studio = Records(self.out), _opened(self.open_studio)
        there = _person(studio, slug(work.request.person))
        if there is not None and (records.person(key) == (there.id, there.created) or records.begun(key)):
            records.note_person(key, there.id, there.created)
            return TaskResult(key, person=there.id, found=True)
        if there is None:
            records.begin(key)
        person = studio.train(work.request, work.photos, report).person
        records.note_person(key, person.id, person.created)
        return TaskResult(key, person=person.id)

    def _portrait(self, task: BatchTask, work: PortraitWork, report: Progress) -> TaskResult:
        """Made in a folder of its own, so that a killed process leaves nothing among the portraits."""
        records, person = Records(self.out), work.request.persons[0]
        if file := records.portrait(task.key):
            return TaskResult(task.key, str(file), person, found=True)
        unfinished = records.folder / task.key
        shutil.rmtree(unfinished, ignore_errors=True)
        made = _opened(self.open_studio).portrait(work.request, [work.template], report, unfinished)
        if made.failures:
            raise made.failures[0]
        source = made.portraits[0].file
        name = f"{shortened(Path(work.template.name).stem, STEM)}-{task.key[:KEY_DIGITS]}{source.suffix}"
        make_private(self.out / person)
        file = self.out / person / name
        source.replace(file)
        shutil.rmtree(unfinished, ignore_errors=True)
        records.note_portrait(task.key, file)
        return TaskResult(task.key, str(file), person)


def _person(studio: Studio, identifier: str) -> Person | None:
    try:
        return studio.library.open(identifier)
    except NotFound:
        return None


def failure_result(task: BatchTask, failure: EasyPhotoError) -> TaskResult:
    """Of a task that no process has brought to an end."""
    return TaskResult(task.key, failure=failure.as_json())
