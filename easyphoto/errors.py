"""The few kinds of failure a user can meet; each says where, with what, and what to do."""

from __future__ import annotations


class EasyPhotoError(Exception):
    """A failure that a door shows to the user.

    `problem` is one sentence; `stage` is the step of the journey (``"check photos"``); `file`
    is the picture or file concerned; `remedy` tells the user what to do next.
    """

    def __init__(self, problem: str, *, stage: str = "", file: str = "", remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.stage = stage
        self.file = file
        self.remedy = remedy

    def __str__(self) -> str:
        """One line: stage, problem, file, remedy."""
        where = f"{self.stage}: " if self.stage else ""
        what = f" [{self.file}]" if self.file else ""
        then = f" {self.remedy}" if self.remedy else ""
        return f"{where}{self.problem}{what}{then}"

    def as_json(self) -> dict[str, str]:
        """The same for the API and ``--json``."""
        return {
            "kind": type(self).__name__,
            "problem": self.problem,
            "stage": self.stage,
            "file": self.file,
            "remedy": self.remedy,
        }


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


class MissingModel(NotFound):
    """A model file is not on this machine; the remedy says where to put it or how to fetch it."""


class BadModel(EasyPhotoError):
    """A model or LoRA file is damaged, unsafe, or of another family."""


class MissingPackage(EasyPhotoError):
    """An optional package is not installed; the remedy is the command that installs it."""


class TrainingFailed(EasyPhotoError):
    """The trainer ended without a usable LoRA; carries exit code, last log lines and the log's path."""

    def __init__(
        self, problem: str, *, exit_code: int | None, last_lines: tuple[str, ...], log: str, remedy: str = ""
    ) -> None:
        super().__init__(problem, stage="training", file=log, remedy=remedy)
        self.exit_code = exit_code
        self.last_lines = last_lines
        self.log = log

    def as_json(self) -> dict[str, str]:
        """Adds exit code and last lines."""
        code = "" if self.exit_code is None else str(self.exit_code)
        return {**super().as_json(), "exit_code": code, "last_lines": "\n".join(self.last_lines), "log": self.log}


class RenderFailed(EasyPhotoError):
    """The engine could not make the picture (memory, a missing unit, a black result)."""
