"""What a job makes of its templates, kept as it is finished, so that a later try begins where this one ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from easyphoto.domain import PortraitRequest, SavedPortrait, Template
from easyphoto.errors import EasyPhotoError, stored_code
from easyphoto.jobs.requests import as_json
from easyphoto.jobs.task import Result, Task
from easyphoto.progress import Progress, Step
from easyphoto.stages import Stage


class PortraitResults:
    """The result of a portrait or quick job; an earlier try's portraits and failures are its beginning."""

    def __init__(self, task: Task, root: Path, asked: PortraitRequest) -> None:
        self._task, self._root = task, root
        self.request, self._turns = asked.in_turns(task.templates)  # one portrait each
        self._result: Result = {"portraits": [], "failures": [], **(task.before or {})}
        deleted = self._result.get("removed", 0)
        self._handled = len(self._result["portraits"]) + len(self._result["failures"]) + deleted

    @property
    def left(self) -> Sequence[Template]:
        """Templates, in turns, that no try has handled."""
        return self._turns[self._handled :]

    def add(self, done: SavedPortrait | EasyPhotoError) -> None:
        """A finished portrait, or why there is none; kept at once."""
        if isinstance(done, SavedPortrait):
            self._result["portraits"].append(portrait_facts(done, self._root))
        else:
            self._task.rename(done)
            self._result["failures"].append(done.as_json())
        self._task.keep(self._result)

    def say(self, **more: Any) -> None:
        """Further facts for the result; kept at once."""
        self._result.update(as_json(more, self._root))
        self._task.keep(self._result)

    def counted(self, report: Progress) -> Progress:
        """Counts portraits over the whole job, also those of an earlier try."""
        number, total = self._handled, len(self._turns)

        def passed_on(step: Step) -> None:
            report(replace(step, done=number + step.done, total=total) if step.stage is Stage.PORTRAIT else step)

        return passed_on

    def whole(self) -> Result:
        """All of it. Raises NoPortraits."""
        if not self._result["portraits"]:
            raise NoPortraits(self._result["failures"])
        return self._result


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


def portrait_facts(done: SavedPortrait, root: Path) -> Result:
    """A portrait as JSON."""
    facts: Result = as_json(done, root)
    words = [str(score.level.message) for score in done.scores]
    facts["likeness"] = [{**score, "word": word} for score, word in zip(facts.pop("scores"), words, strict=True)]
    return facts
