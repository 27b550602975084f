"""The trainer's private packages inside a WebUI: made on first use, beside the host's own and never among them.

They lie in a folder of their own and the host's Python runs the trainer with that folder first on its
path. A virtual environment would do the same with more to break: portable Pythons on Windows have no
`venv`, and one made from the host's environment sees the packages of the base Python, not the host's
torch. Here the interpreter is the host's, so torch, numpy and Pillow are there by themselves.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from easyphoto.errors import TrainingFailed
from easyphoto.locales import message
from easyphoto.private_files import make_private, write_atomic
from easyphoto.progress import Progress, Step
from easyphoto.stages import Stage
from easyphoto.training.host_python import HostPython, ask
from easyphoto.training.interpreter import Interpreter
from easyphoto.training.packages import PINS, Pin, fetch, try_out

ROOM = 500 * 2**20
"""Bytes that must be free: what is installed, what pip needs meanwhile, and the compiled modules later."""
STAMP = "complete.json"
PAUSE = 0.5  # seconds between two reports while somebody else holds the lock


@dataclass(frozen=True)
class PrivateEnvironment:
    """A TrainerPython: the host's Python with our pinned packages before its own. `folder` is ours alone."""

    folder: Path
    host_python: Path = field(default_factory=lambda: Path(sys.executable))
    pins: tuple[Pin, ...] = PINS

    def __call__(self, report: Progress) -> Interpreter:
        """The interpreter, made first where it is not there or was made for another Python or torch.

        Raises MissingPackage when something cannot be fetched, TrainingFailed when the disk is too full or the
        packages do not work with the host; what is raised leaves nothing that would be used later.
        """
        make_private(self.folder)
        host = ask(self.host_python, self.folder)
        made = self.folder / fingerprint(host, self.pins)
        interpreter = Interpreter(host.python, (made,), host.host_site_packages, private=True)
        if not self.whole(made):
            with self._alone(report):
                if not self.whole(made):
                    self._make(interpreter, report)
        return interpreter

    def whole(self, made: Path) -> bool:
        """The stamp that is written last is there, and so is every package."""
        return (made / STAMP).is_file() and all((made / pin.mark).is_dir() for pin in self.pins)

    @contextlib.contextmanager
    def _alone(self, report: Progress) -> Iterator[None]:
        """One maker at a time on this machine; the others wait and can be cancelled."""
        lock = FileLock(self.folder / "lock", mode=0o600)
        while not lock.is_locked:
            try:
                lock.acquire(timeout=PAUSE)
            except Timeout:
                report(Step(Stage.PREPARE_TRAINER, 0, self._total, message("trainer.note.waiting")))
        with lock:
            lock.release()  # the `with` holds it once more
            yield

    @property
    def _total(self) -> int:
        return len(self.pins) + 1

    def _make(self, interpreter: Interpreter, report: Progress) -> None:
        self._sweep()
        self._check_room()
        (made,) = interpreter.packages
        made.mkdir()
        for done, pin in enumerate(self.pins):
            note = message("trainer.note.fetching", package=pin.name, version=pin.version)
            step = Step(Stage.PREPARE_TRAINER, done, self._total, note)
            fetch(pin, interpreter, self.folder, partial(report, step))
        step = Step(Stage.PREPARE_TRAINER, len(self.pins), self._total, message("trainer.note.trying-out"))
        try_out(self.pins, interpreter, self.folder, partial(report, step))
        stamp = {"python": str(interpreter.python), "packages": [str(pin) for pin in self.pins]}
        write_atomic(made / STAMP, json.dumps(stamp, indent=1))
        report(Step(Stage.PREPARE_TRAINER, self._total, self._total))

    def _sweep(self) -> None:
        """Half-made ones, and those for another Python or torch."""
        for old in (one for one in self.folder.iterdir() if one.is_dir() and one.name.startswith("for-")):
            try:
                shutil.rmtree(old)
            except OSError as problem:
                raise TrainingFailed(
                    "trainer.old-packages", exit_code=None, last_lines=(), log=str(old), why=problem
                ) from problem

    def _check_room(self) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < ROOM:
            raise TrainingFailed(
                "trainer.no-room",
                exit_code=None,
                last_lines=(),
                log=str(self.folder),
                needed=ROOM >> 20,
                free=free >> 20,
            )


def fingerprint(host: HostPython, pins: tuple[Pin, ...]) -> str:
    """Folder name for these packages and this host; another Python or torch gives another name.

    Short, since old Windows allows paths of 260 characters only and packages bring more than 100 of them.
    """
    facts = [*map(str, pins), str(host.python), host.version, host.platform, host.torch]
    return "for-" + hashlib.sha256("\n".join(facts).encode()).hexdigest()[:10]
