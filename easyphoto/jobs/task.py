"""A job as its handler sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from easyphoto.domain import Photo, Template
from easyphoto.errors import EasyPhotoError
from easyphoto.jobs.job import ROLES, JobFile, Kind, PictureRole

Result = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """What a handler gets of a job."""

    id: str
    kind: Kind
    request: dict[str, Any]
    files: tuple[JobFile, ...]  # the job's own copies
    before: Result | None  # what an earlier try has finished
    keep: Callable[[Result], None]  # takes what is finished so far

    @property
    def photos(self) -> tuple[Photo, ...]:
        """Pictures of the person."""
        return tuple(Photo(one.file, one.name, one.override) for one in self._of_role(PictureRole.PHOTO))

    @property
    def templates(self) -> tuple[Template, ...]:
        """Pictures that become portraits."""
        return tuple(Template(one.file, one.name) for one in self._of_role(PictureRole.TEMPLATE))

    def _of_role(self, role: PictureRole) -> list[JobFile]:
        return [one for one in self.files if (one.role or ROLES[self.kind][0]) is role]

    def rename(self, error: EasyPhotoError) -> None:
        """It shall name the picture as the user knows it, not our copy."""
        names = {one.file.name: one.name for one in self.files}
        error.file = names.get(error.file, error.file)
