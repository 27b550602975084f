"""Jobs, their files, their states and their events."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from easyphoto.domain import option
from easyphoto.errors import BadName, NotFound
from easyphoto.library import slug
from easyphoto.locales import Message

JOB_ID = r"^[0-9]{8}-[0-9]{6}-[0-9a-f]{8}$"
"""UTC day, time and chance: sorts by age and is a safe folder name."""


class Kind(str, Enum):
    """What a job does."""

    CHECK = "check"
    TRAIN = "train"
    PORTRAIT = "portrait"
    QUICK = "quick"
    WEIGHTS = "weights"


class PictureRole(str, Enum):
    """What a picture is to its job."""

    PHOTO = "photo"  # of the person
    TEMPLATE = "template"


ROLES: dict[Kind, tuple[PictureRole, ...]] = {
    Kind.CHECK: (PictureRole.PHOTO,),
    Kind.TRAIN: (PictureRole.PHOTO,),
    Kind.PORTRAIT: (PictureRole.TEMPLATE,),
    Kind.QUICK: (PictureRole.PHOTO, PictureRole.TEMPLATE),
    Kind.WEIGHTS: (),
}
"""What a job of each kind must be given; the first is meant where a picture has no role."""


class State(str, Enum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # the program or the trainer ended while it ran; it can be resumed


ENDED = frozenset({State.DONE, State.FAILED, State.CANCELLED, State.INTERRUPTED})


@dataclass(frozen=True)
class CheckRequest:
    """What a photo check can be told."""

    faces: str = option("")


@dataclass(frozen=True)
class WeightsRequest:
    """Model files to be fetched."""

    names: tuple[str, ...] = option(())  # groups, and ids of files
    commercial_safe: bool = option(False)


@dataclass(frozen=True)
class JobFile:
    """A picture for a job; the queue copies it, so it may vanish after `submit`."""

    file: Path
    name: str  # as the user knows it
    override: str = ""  # photos only: "keep" or "drop"
    role: PictureRole | None = None  # None: the first of its kind's `ROLES`


@dataclass(frozen=True)
class Job:
    """A snapshot; times are seconds since 1970, 0.0 when not reached yet."""

    id: str
    kind: Kind
    state: State
    request: dict[str, Any]  # fields of the kind's request
    files: tuple[str, ...]  # names of the pictures as the user knows them
    created: float
    started: float = 0.0
    ended: float = 0.0
    place: int = 0  # how many jobs are before it, itself included; 0 once it runs
    stage: str = ""
    done: int = 0
    total: int = 0
    note: Message | str = ""  # a name stands as it is
    cancelling: bool = False  # asked to stop, not stopped yet
    resumable: bool = False
    result: dict[str, Any] | None = None  # see `Queue.submit`
    error: dict[str, Any] | None = None  # EasyPhotoError.as_json()
    last_event: int = 0  # number of its newest event

    @property
    def over(self) -> bool:
        """Nothing more will happen, unless it is resumed."""
        return self.state in ENDED

    @property
    def fraction(self) -> float:
        """0..1 of the current stage."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0


@dataclass(frozen=True)
class Event:
    """One report of progress, numbered from 1 within its job; some quick steps are left out, never the last one."""

    number: int
    time: float  # seconds since 1970
    state: State
    stage: str = ""
    done: int = 0
    total: int = 0
    note: Message | str = ""  # a name stands as it is
    figures: dict[str, float] = field(default_factory=dict)  # e.g. loss, distance
    preview: Path | None = None  # a JPEG in the job's folder
    line: str = ""  # of the log; an event with a line carries no step


def trained_person(job: Job) -> str:
    """The id a training job's person has or would get; "" for a name that cannot have one."""
    try:
        return slug(str(job.request.get("person", "")))
    except BadName:
        return ""


def checked_id(text: str) -> str:
    """The id itself. Raises NotFound for what cannot be one, before it becomes a path."""
    if not re.match(JOB_ID, text) or text.endswith("\n"):
        raise NotFound("jobs.unknown", stage="jobs")
    return text
