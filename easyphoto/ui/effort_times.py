"""How long the presets took on this machine: measured, by base model, from the jobs that have ended."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from easyphoto.domain import PortraitRequest, TrainRequest
from easyphoto.errors import EasyPhotoError
from easyphoto.jobs import Job, Kind, State
from easyphoto.ui.context import UiContext
from easyphoto.ui.effort import PRESETS, Preset
from easyphoto.ui.rendering import render
from easyphoto.ui.time_left import worked_seconds

NEWEST = 50  # ended jobs in which presets are looked for
REMEMBERED = 256  # jobs whose time is known
KINDS: dict[type[Any], Kind] = {TrainRequest: Kind.TRAIN, PortraitRequest: Kind.PORTRAIT}


@dataclass(frozen=True)
class MeasuredRun:
    """The newest run of a preset with a base model."""

    base_model: str
    preset: str
    seconds: float
    pictures: int  # photos of a training, portraits of a portrait job


class EffortTimes:
    """Looks them up; the time of a job that has ended is worked out once."""

    def __init__(self, kind: type[Any], context: UiContext) -> None:
        self._kind, self._context = kind, context
        self._seconds: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def html(self) -> Markup:
        """A line for every base model with a run; nothing before the first one."""
        runs, say = self.runs(), self._context.say
        lines = {
            model: [
                say("effort.time", n=run.pictures, effort=say(f"effort.{name}"), time=say.duration(run.seconds))
                for name in PRESETS[self._kind]
                if (run := runs.get((model, name)))
            ]
            for model in dict.fromkeys(model for model, _ in runs)
        }
        return render("effort_times", lines=lines, say=say) if lines else Markup("")

    def runs(self) -> Mapping[tuple[str, str], MeasuredRun]:
        """By base model and preset."""
        found: dict[tuple[str, str], MeasuredRun] = {}
        for job in self._context.jobs.list(KINDS[self._kind], (State.DONE,), limit=NEWEST):
            model, pictures = str(job.request.get("base_model", "")), _pictures(job)
            name = self._preset_of(job, model)
            if name and pictures and (model, name) not in found:
                found[model, name] = MeasuredRun(model, name, self._seconds_of(job), pictures)
        return found

    def _preset_of(self, job: Job, model: str) -> str:
        """The one whose values the request has; "" where somebody has set them otherwise."""
        try:
            family = self._context.studio.engine.checkpoint(model).family
        except EasyPhotoError:  # it has gone
            return ""
        presets = PRESETS[self._kind]
        names = fields_of(presets.values())
        for name, preset in presets.items():
            wanted = preset.request(self._kind, family)
            if all(job.request.get(one) == getattr(wanted, one) for one in names):
                return name
        return ""

    def _seconds_of(self, job: Job) -> float:
        with self._lock:
            if job.id in self._seconds:
                return self._seconds[job.id]
        seconds = worked_seconds(job, self._context.events(job), job.ended)
        with self._lock:
            self._seconds[job.id] = seconds
            while len(self._seconds) > REMEMBERED:
                self._seconds.popitem(last=False)
        return seconds


def fields_of(presets: Iterable[Preset]) -> list[str]:
    """Every field that one of them sets."""
    return list(dict.fromkeys(name for preset in presets for name in preset.fields))


def _pictures(job: Job) -> int:
    result = job.result or {}
    return len(result["portraits"]) + result.get("removed", 0) if "portraits" in result else len(job.files)
