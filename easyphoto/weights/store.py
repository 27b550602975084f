"""The model files of this machine: which are there, fetching those that are not, checking those that are.

Nothing is fetched unasked.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout

from easyphoto.errors import BadModel, BadRequest, EasyPhotoError, MissingModel
from easyphoto.locales import Message, message
from easyphoto.paths import Paths
from easyphoto.progress import Progress, silent
from easyphoto.stages import Stage
from easyphoto.weights.adoption import adopt
from easyphoto.weights.catalog import WeightCatalog, WeightFile
from easyphoto.weights.content import sha256_of
from easyphoto.weights.importing import offered
from easyphoto.weights.meter import Meter
from easyphoto.weights.part_file import PartFile
from easyphoto.weights.patience import Patience
from easyphoto.weights.places import WeightFolders, webui_around, webui_folders
from easyphoto.weights.plan import FetchPlan, PlannedFile, for_commerce, selected
from easyphoto.weights.reading import read_catalog
from easyphoto.weights.record import WeightRecord
from easyphoto.weights.room import check_room

OFFLINE = "EASYPHOTO_OFFLINE"
"""Environment variable; anything but nothing and 0 forbids every download."""


class Presence(str, Enum):
    """Whether a file is there."""

    READY = "ready"  # and all of it was read since it was last changed
    UNCHECKED = "unchecked"  # of the right length, where that is known
    DAMAGED = "damaged"  # of another length, or another file
    MISSING = "missing"

    @property
    def message(self) -> Message:
        """For people."""
        return Message(f"weights.presence.{self.value}")


@dataclass(frozen=True)
class FileState:
    """A file of the list on this machine."""

    file: WeightFile
    presence: Presence
    path: Path  # where it lies or belongs
    bytes: int | None  # of what is there, else as the list has it
    learnt: bool = False  # its hash is not public; it is that of the first download


@dataclass(frozen=True)
class Fetched:
    """What a fetch did."""

    files: tuple[FileState, ...] = ()
    failures: tuple[EasyPhotoError, ...] = ()
    notes: tuple[Message, ...] = field(default_factory=tuple)


class WeightStore:
    """All of it for one data folder."""

    def __init__(
        self, read: Callable[[], WeightCatalog], folders: WeightFolders, patience: Patience | None = None
    ) -> None:
        self._read, self.folders = read, folders
        self._patience = patience or Patience()
        self._record = WeightRecord(folders.own)

    @classmethod
    def of(cls, paths: Paths, webui: Path | None = None) -> WeightStore:
        """With the list that ships, and a WebUI's folders to look through."""
        root = webui or webui_around()
        found = webui_folders(root) if root else {}
        return cls(lambda: read_catalog(paths.models), WeightFolders(paths.weights, paths.models, found))

    @cached_property
    def catalog(self) -> WeightCatalog:
        """The list of files, read when it is first asked for: folders are known without it. Raises BadModel."""
        return self._read()

    def state(self, file: WeightFile) -> FileState:
        """By its length and the time of its last change; nothing is read."""
        place, known = self.folders.place(file), self._record.get(file.id)
        learnt = known is not None and not file.sha256
        if not place.is_file():
            return FileState(file, Presence.MISSING, place, file.bytes, learnt)
        size = place.stat().st_size
        if file.bytes not in (None, size) or self._was_bad(file, place):
            return FileState(file, Presence.DAMAGED, place, size, learnt)
        ready = bool(file.shipped) or (known is not None and known.describes(place))
        return FileState(file, Presence.READY if ready else Presence.UNCHECKED, place, size, learnt)

    def _was_bad(self, file: WeightFile, place: Path) -> bool:
        """Whether a check has found another file there, which was not touched since."""
        bad = self._record.get(_bad(file))
        return bad is not None and bad.describes(place)

    def path(self, name: str) -> Path:
        """Where the file of that id lies. Raises MissingModel with how to fetch it, BadModel for a damaged one."""
        state = self.state(self.catalog.file(name))
        if state.presence is Presence.MISSING:
            raise MissingModel("weights.missing", stage="weights", file=str(state.path), name=name)
        if state.presence is Presence.DAMAGED:
            raise BadModel("weights.damaged", stage="weights", file=str(state.path), name=name)
        return state.path

    def check(self, names: Sequence[str]) -> None:
        """Raises BadRequest for none, and for one that is neither a group nor a file."""
        if not names:
            raise BadRequest("weights.no-names", stage="weights")
        selected(self.catalog, names)

    def plan(self, names: Sequence[str], commercial_safe: bool = False) -> FetchPlan:
        """What fetching those groups and ids means. Raises BadRequest; see `for_commerce`."""
        files, notes = for_commerce(self.catalog, names) if commercial_safe else (selected(self.catalog, names), ())
        there = [file for file in files if self._is_there(file)]
        missing = [PlannedFile(file, tuple(self.folders.elsewhere(file))) for file in files if file not in there]
        return FetchPlan(tuple(missing), tuple(there), notes)

    def _is_there(self, file: WeightFile) -> bool:
        return self.state(file).presence in (Presence.READY, Presence.UNCHECKED)

    def fetch(self, plan: FetchPlan, report: Progress = silent, offline: bool = False) -> Fetched:
        """Carry it out; a file that fails leaves the others whole. `offline`: only what other folders here have.

        Raises BadRequest where there is no room for all of it.
        """
        offline = offline or os.environ.get(OFFLINE, "0") not in ("", "0")
        if not offline:
            check_room(self.folders.own, sum(self._left(file) for file in plan.download))
        meter = Meter(Stage.FETCH, sum(one.file.bytes or 0 for one in plan.files), report)
        meter.begin(plan.summary)
        made: list[FileState] = []
        failures: list[EasyPhotoError] = []
        for one in plan.files:
            try:
                made.append(self._fetch(one, meter, offline))
            except EasyPhotoError as failure:
                failures.append(failure)
        return Fetched(tuple(made), tuple(failures), plan.notes)

    def _left(self, file: WeightFile) -> int:
        """Bytes that are still to come."""
        return max(0, (file.bytes or 0) - PartFile(self.folders.place(file)).size)

    def _fetch(self, planned: PlannedFile, meter: Meter, offline: bool) -> FileState:
        """One file, while no other process fetches it."""
        file = planned.file
        meter.begin(file.id)
        place = self.folders.place(file)
        with self._alone(file, meter):
            if self._is_there(file):  # another process was faster
                return self.state(file)
            for found in planned.found:
                if digest := adopt(found, file, place, self._pin(file), lambda _: meter.at(0)):
                    return self._noted(file, digest, str(found.parent))
            if offline:
                raise MissingModel("weights.offline", stage="fetch", file=file.name, name=file.id)
            from easyphoto.weights.download import Download  # which brings the network: not before it is needed

            done = Download(file, place, self._pin(file), self._patience, meter.at).run()
            return self._noted(file, done.sha256, done.host)

    def _noted(self, file: WeightFile, digest: str, origin: str) -> FileState:
        self._record.put(file.id, self.folders.place(file), digest, origin)
        return self.state(file)

    def _pin(self, file: WeightFile) -> str:
        """The hash that it must have: the list's, else that of its first download, else none."""
        known = self._record.get(file.id)
        return file.sha256 or (known.sha256 if known else "")

    @contextmanager
    def _alone(self, file: WeightFile, meter: Meter) -> Iterator[None]:
        """Inside, no other process or thread fetches the file; waiting for one can be cancelled."""
        self.folders.own.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folders.own / f".{file.id}.lock", mode=0o600)
        while True:
            try:
                lock.acquire(timeout=0)
                break
            except Timeout:
                meter.at(0)
                time.sleep(0.1)
        try:
            yield
        finally:
            lock.release()

    def bring(self, folder: Path, report: Progress = silent) -> Fetched:
        """Files of the list out of a folder, linked or copied into their places. Raises BadRequest for none."""
        found = list(offered(self.catalog, folder)) if folder.is_dir() else []
        meter = Meter(Stage.FETCH, sum(path.stat().st_size for _, path in found), report)
        made = {file.id: state for file, path in found if (state := self._brought(file, path, meter))}
        if not made:
            raise BadRequest("weights.nothing-to-import", stage="weights", folder=str(folder))
        return Fetched(tuple(made.values()))

    def _brought(self, file: WeightFile, path: Path, meter: Meter) -> FileState | None:
        meter.begin(file.id)
        with self._alone(file, meter):
            if self._is_there(file):
                return self.state(file)
            digest = adopt(path, file, self.folders.place(file), self._pin(file), lambda _: meter.at(0))
            return self._noted(file, digest, str(path.parent)) if digest else None

    def verify(self, names: Sequence[str] = (), report: Progress = silent) -> tuple[FileState, ...]:
        """Every file of those that is there, read as a whole. Raises BadRequest."""
        there = [state for file in selected(self.catalog, names) if (state := self.state(file)).path.is_file()]
        meter = Meter(Stage.VERIFY, sum(state.bytes or 0 for state in there), report)
        return tuple(self._verified(state, meter) for state in there)

    def _verified(self, state: FileState, meter: Meter) -> FileState:
        meter.begin(state.file.id)
        read = 0

        def beat(size: int) -> None:
            nonlocal read
            read += size
            meter.at(read)

        digest, pin = sha256_of(state.path, beat), self._pin(state.file)
        if state.file.bytes not in (None, state.bytes) or (pin and digest != pin):
            self._record.put(_bad(state.file), state.path, digest, "")
            return FileState(state.file, Presence.DAMAGED, state.path, state.bytes, state.learnt)
        if state.file.shipped:
            return state
        known = self._record.get(state.file.id)
        return self._noted(state.file, digest, known.origin if known else str(state.path.parent))


def _bad(file: WeightFile) -> str:
    """Under which name it is noted that what lies in its place is not it."""
    return f"{file.id} damaged"


def learnt_note(state: FileState) -> Message:
    """That a file's hash is not public and was taken from what came."""
    return message("weights.note.learnt", name=state.file.id)
