"""What becomes of single portraits after their job: kept as favorites, or deleted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from easyphoto.errors import NotFound
from easyphoto.jobs.store import JobStore
from easyphoto.jobs.task import Result
from easyphoto.paths import Paths


def name_of(portrait: Mapping[str, Any]) -> str:
    """Of its file, by which a job knows it."""
    return PurePosixPath(str(portrait["file"])).name


def found(result: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    """The portrait of that name in a job's result. Raises NotFound."""
    for portrait in (result or {}).get("portraits", ()):
        if name_of(portrait) == name:
            return dict(portrait)
    raise NotFound("portrait.unknown", stage="jobs")


class FinishedPortraits:
    """Those of jobs that have ended; a name is looked for among the job's own and never becomes a path."""

    def __init__(self, paths: Paths, store: JobStore) -> None:
        self._paths, self._store = paths, store

    def mark(self, job_id: str, name: str, favorite: bool) -> None:
        """Make it a favorite, or no longer one. Raises NotFound, and Busy while the job runs."""

        def marked(result: Result) -> Result:
            found(result, name)
            portraits = [{**one, "favorite": favorite} if name_of(one) == name else one for one in result["portraits"]]
            return {**result, "portraits": portraits}

        self._store.change_result(job_id, marked)

    def remove(self, job_id: str, name: str) -> None:
        """Delete its file and forget it. Raises NotFound, Busy while the job runs, and what the system says."""

        def without(result: Result) -> Result:
            (self._paths.root / found(result, name)["file"]).unlink(missing_ok=True)
            left = [one for one in result["portraits"] if name_of(one) != name]
            return {**result, "portraits": left, "removed": result.get("removed", 0) + 1}

        self._store.change_result(job_id, without)
