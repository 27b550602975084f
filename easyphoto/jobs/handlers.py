"""What a job of each kind does with the studio, and its result as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from easyphoto.domain import Photo, Portrait, PortraitRequest, Template, TrainRequest
from easyphoto.errors import EasyPhotoError, stored_code
from easyphoto.jobs.job import Kind
from easyphoto.jobs.requests import as_json, read_request
from easyphoto.progress import Progress, Step
from easyphoto.stages import Stage

if TYPE_CHECKING:
    from easyphoto.studio import Studio

Result = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """What a handler gets of a job."""

    id: str
    kind: Kind
    request: dict[str, Any]
    photos: tuple[Photo, ...]  # the job's own copies, whatever kind it is
    before: Result | None  # what an earlier try has finished
    keep: Callable[[Result], None]  # takes what is finished so far


def perform(task: Task, studio: Studio, report: Progress) -> Result:
    """Do it. Raises EasyPhotoError for what the user must know, Cancelled from `report`."""
    try:
        return _HANDLERS[task.kind](task, studio, report)
    except EasyPhotoError as error:
        _rename(error, task)
        raise


def _rename(error: EasyPhotoError, task: Task) -> None:
    """It shall name the picture as the user knows it, not our copy."""
    names = {photo.file.name: photo.name for photo in task.photos}
    error.file = names.get(error.file, error.file)


def _check(task: Task, studio: Studio, report: Progress) -> Result:
    reports = studio.check_photos(task.photos, report)
    return {"reports": as_json(reports, studio.paths.root)}


def _train(task: Task, studio: Studio, report: Progress) -> Result:
    trained = studio.train(read_request(TrainRequest, task.request), task.photos, report)
    facts: Result = as_json(trained, studio.paths.root)
    return {**facts, "person": trained.person.id, "name": trained.person.name}


def _portrait(task: Task, studio: Studio, report: Progress) -> Result:
    """One batch of the templates that an earlier try has not handled; whatever ends it, finished ones are kept."""
    request = read_request(PortraitRequest, task.request)
    result: Result = {"portraits": [], "failures": [], **(task.before or {})}
    handled = len(result["portraits"]) + len(result["failures"])

    def keep(done: Portrait | EasyPhotoError) -> None:
        if isinstance(done, Portrait):
            result["portraits"].append(portrait_facts(done, studio.paths.root))
        else:
            _rename(done, task)
            result["failures"].append(done.as_json())
        task.keep(result)

    templates = [Template(photo.file, photo.name) for photo in task.photos[handled:]]
    progress = _part_of(report, handled, len(task.photos))
    if templates:
        studio.portrait(request, templates, progress, studio.paths.portraits / task.id, keep)
    if not result["portraits"]:
        raise NoPortraits(result["failures"])
    return result


def _part_of(report: Progress, number: int, total: int) -> Progress:
    """Counts templates over the whole job, also those of an earlier try."""

    def passed_on(step: Step) -> None:
        report(replace(step, done=number + step.done, total=total) if step.stage is Stage.PORTRAIT else step)

    return passed_on


class NoPortraits(EasyPhotoError):
    """Every template failed; it has the code and texts of the first failure."""

    def __init__(self, failures: list[dict[str, Any]]) -> None:
        first: dict[str, Any] = failures[0] if failures else {"code": "jobs.nothing-to-do"}
        code, params = stored_code(first)
        super().__init__(code, stage=first.get("stage", ""), file=first.get("file", ""), **params)
        self.kind = first.get("kind", "")

    def as_json(self) -> dict[str, Any]:
        """With the first failure's kind."""
        return {**super().as_json(), "kind": self.kind or type(self).__name__}


def portrait_facts(done: Portrait, root: Path) -> Result:
    """A portrait as JSON, without its pixels."""
    facts: Result = as_json(replace(done, picture=None), root)  # type: ignore[arg-type]
    del facts["picture"]
    words = [str(score.level.message) for score in done.scores]
    facts["likeness"] = [{**score, "word": word} for score, word in zip(facts.pop("scores"), words, strict=True)]
    return facts


_HANDLERS: dict[Kind, Callable[[Task, Any, Progress], Result]] = {
    Kind.CHECK: _check,
    Kind.TRAIN: _train,
    Kind.PORTRAIT: _portrait,
}
