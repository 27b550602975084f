"""What a job of each kind does with the studio, and its result as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from easyphoto.domain import PortraitRequest, QuickRequest, TrainRequest
from easyphoto.errors import EasyPhotoError
from easyphoto.jobs.job import CheckRequest, Kind, WeightsRequest
from easyphoto.jobs.portrait_results import PortraitResults
from easyphoto.jobs.requests import as_json, read_request
from easyphoto.jobs.task import Result, Task
from easyphoto.progress import Progress
from easyphoto.weights import learnt_note

if TYPE_CHECKING:
    from easyphoto.studio import Studio


def perform(task: Task, studio: Studio, report: Progress) -> Result:
    """Do it. Raises EasyPhotoError for what the user must know, Cancelled from `report`."""
    try:
        return _HANDLERS[task.kind](task, studio, report)
    except EasyPhotoError as error:
        task.rename(error)
        raise


def _check(task: Task, studio: Studio, report: Progress) -> Result:
    reports = studio.check_photos(task.photos, report, read_request(CheckRequest, task.request).faces)
    return {"reports": as_json(reports, studio.paths.root)}


def _train(task: Task, studio: Studio, report: Progress) -> Result:
    trained = studio.train(read_request(TrainRequest, task.request), task.photos, report)
    facts: Result = as_json(trained, studio.paths.root)
    return {**facts, "person": trained.person.id, "name": trained.person.name}


def _portrait(task: Task, studio: Studio, report: Progress) -> Result:
    """One batch of the templates that an earlier try has not handled; whatever ends it, finished ones are kept."""
    results = PortraitResults(task, studio.paths.root, read_request(PortraitRequest, task.request))
    if results.left:
        out = studio.paths.portraits / task.id
        studio.portrait(results.request, results.left, results.counted(report), out, results.add)
    return results.whole()


def _quick(task: Task, studio: Studio, report: Progress) -> Result:
    """The same from photos alone, with what is to be said of them."""
    request = read_request(QuickRequest, task.request)
    results = PortraitResults(task, studio.paths.root, request.portrait)
    if results.left:
        out, request = studio.paths.portraits / task.id, replace(request, portrait=results.request)
        done = studio.quick(request, task.photos, results.left, results.counted(report), out, results.add)
        results.say(reports=done.reports, warnings=done.warnings)
    return results.whole()


def _weights(task: Task, studio: Studio, report: Progress) -> Result:
    """What has come is there, also when another file fails."""
    request = read_request(WeightsRequest, task.request)
    store = studio.weights
    done = store.fetch(store.plan(request.names, request.commercial_safe), report)
    notes = [*done.notes, *(learnt_note(state) for state in done.files if state.learnt)]
    result: Result = {"files": [state.file.id for state in done.files], "notes": as_json(notes, studio.paths.root)}
    if done.failures:
        task.keep(result)
        raise done.failures[0]
    return result


_HANDLERS: dict[Kind, Callable[[Task, Any, Progress], Result]] = {
    Kind.CHECK: _check,
    Kind.TRAIN: _train,
    Kind.PORTRAIT: _portrait,
    Kind.QUICK: _quick,
    Kind.WEIGHTS: _weights,
}
