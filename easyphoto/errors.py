"""The few kinds of failure a user can meet; each says where, with what, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from easyphoto.locales import PLAIN, Message, catalogue, from_json, params_json, plain
from easyphoto.printable import printable


class EasyPhotoError(Exception):
    """A failure that is shown to the user: a code with parameters, which becomes text where it is shown.

    `code` names two texts of the catalogue, ``errors.CODE.problem`` and, where there is something to do,
    ``errors.CODE.remedy``; both get `params`. `stage` is the step of the journey (``"check photos"``);
    `file` is the picture or file concerned.
    """

    def __init__(self, code: str, /, *, stage: str = "", file: str = "", **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params
        self.stage = stage
        self.file = file

    @property
    def problem(self) -> str:
        """What happened, in English."""
        return self.messages()[0].text()

    @property
    def remedy(self) -> str:
        """What to do, in English; empty when there is nothing to do."""
        return self.messages()[1].text()

    def messages(self) -> tuple[Message, Message]:
        """What happened and what to do; the second is an empty text when there is nothing to do."""
        remedy = f"errors.{self.code}.remedy"
        todo = Message(remedy, self.params) if remedy in catalogue("en") else plain("")
        return Message(problem_key(self.code), self.params), todo

    def __str__(self) -> str:
        """One line for terminals and logs: stage, problem, file, remedy."""
        where = f"{self.stage}: " if self.stage else ""
        what = f" [{self.file}]" if self.file else ""
        then = f" {self.remedy}" if self.remedy else ""
        return printable(f"{where}{self.problem}{what}{then}")

    def as_json(self) -> dict[str, Any]:
        """For the API, ``--json`` and the job's record: code and parameters, and the same in English."""
        return {
            "kind": type(self).__name__,
            "code": self.code,
            "params": params_json(self.params),
            "problem": self.problem,
            "stage": self.stage,
            "file": self.file,
            "remedy": self.remedy,
        }


def reason_of(problem: Exception) -> Message:
    """What happened, of a failure of ours or anybody's."""
    return problem.messages()[0] if isinstance(problem, EasyPhotoError) else plain(str(problem))


def problem_key(code: str) -> str:
    """Where the catalogue has the text of a failure."""
    return f"errors.{code}.problem"


def stored_code(facts: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Code and parameters of what `EasyPhotoError.as_json` wrote; of another version's failure its sentences."""
    code, params = str(facts.get("code", "")), dict(facts.get("params", {}))
    if from_json({"code": problem_key(code), "params": params}).code != PLAIN:
        return code, params
    return PLAIN, {"text": facts.get("problem", ""), "remedy": facts.get("remedy", "")}


def messages_of(facts: Mapping[str, Any]) -> tuple[Message, Message]:
    """Problem and remedy of what `EasyPhotoError.as_json` wrote; a code without a text here stands in its English."""
    code, params = facts.get("code", ""), facts.get("params", {})
    problem, remedy = problem_key(code), f"errors.{code}.remedy"
    told = from_json({"code": problem, "params": params, "text": facts.get("problem", "")})
    todo = from_json({"code": remedy, "params": params, "text": facts.get("remedy", "")})
    return told, todo


class BadRequest(EasyPhotoError):
    """A value of a request is out of bounds or does not fit the others."""


class BadPicture(EasyPhotoError):
    """A picture cannot be read, or is not what the step needs."""


class NoFace(BadPicture):
    """No usable face in the named picture."""


class BadName(BadRequest):
    """A name or id from outside that cannot become a folder of ours."""


class NotFound(EasyPhotoError):
    """A person, template, model or file that does not exist."""


class PersonGone(NotFound):
    """The person was deleted while something was made of them; it is not kept."""


class AlreadyThere(EasyPhotoError):
    """A person or file of that name exists."""


class Busy(EasyPhotoError):
    """Another process is writing the same thing."""


class Locked(Busy):
    """Another program writes the file that is needed; it takes a moment only."""


class SystemRefusal(EasyPhotoError):
    """The system refuses what the work needs. Made by `easyphoto.system_errors` alone."""


class NoStorage(SystemRefusal):
    """A disk that is full, read-only or damaged, or a folder without the right to write."""


class NoResources(SystemRefusal):
    """Too little memory, or too many open files."""


class MissingModel(NotFound):
    """A model file is not on this machine; the remedy says where to put it or how to fetch it."""


class NotAllowed(EasyPhotoError):
    """It exists, and the caller may not do this to it."""


class TooMany(EasyPhotoError):
    """Something is full; later there will be room."""


class BadModel(EasyPhotoError):
    """A model or LoRA file is damaged, unsafe, or of another family."""


class MissingPackage(EasyPhotoError):
    """An optional package is not installed; the remedy is the command that installs it."""


class TrainingFailed(EasyPhotoError):
    """The trainer ended without a usable LoRA; carries exit code, last log lines and the log's path."""

    def __init__(
        self, code: str, /, *, exit_code: int | None, last_lines: tuple[str, ...], log: str, **params: Any
    ) -> None:
        super().__init__(code, stage="training", file=log, **params)
        self.exit_code = exit_code
        self.last_lines = last_lines
        self.log = log

    def as_json(self) -> dict[str, Any]:
        """Adds exit code and last lines."""
        code = "" if self.exit_code is None else str(self.exit_code)
        return {**super().as_json(), "exit_code": code, "last_lines": "\n".join(self.last_lines), "log": self.log}


class TrainingInterrupted(TrainingFailed):
    """The trainer ended before its last step; the same training goes on from its last checkpoint."""


class RenderFailed(EasyPhotoError):
    """The engine could not make the picture (memory, a missing unit, a black result)."""
