"""Which Python runs the trainer, where that finds its packages, and how it is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from easyphoto.paths import checkout
from easyphoto.progress import Progress

_START = (
    "import runpy, sys; sys.path[:] = {first!a} + [p for p in sys.path if p] + {last!a}; "
    "runpy.run_module({module!a}, run_name='__main__', alter_sys=True)"
)
"""The search path is set from inside: portable Pythons on Windows have a `._pth` file and ignore PYTHONPATH."""


@dataclass(frozen=True)
class Interpreter:
    """A Python and its search path: the project, `packages`, what it has of its own, `host_site_packages`."""

    python: Path
    packages: tuple[Path, ...] = ()  # these win over the Python's own
    host_site_packages: tuple[Path, ...] = ()  # these are asked last
    private: bool = False  # nothing comes from PYTHONPATH, the user's site folder or an activated environment

    def command(self, module: str, *arguments: str) -> list[str]:
        """The command line that runs `module` as `python -m` would, whatever the working folder is."""
        first = [str(checkout()), *map(str, self.packages)]
        code = _START.format(first=first, last=[str(folder) for folder in self.host_site_packages], module=module)
        return [str(self.python), *(["-s"] if self.private else []), "-u", "-X", "utf8", "-c", code, *arguments]

    def environment(self) -> dict[str, str]:
        """Ours, less what would lead a private Python to the packages of somebody else."""
        foreign = ("PYTHONPATH", "VIRTUAL_ENV") if self.private else ()
        return {name: value for name, value in os.environ.items() if name not in foreign}


TrainerPython = Callable[[Progress], Interpreter]
"""Gives the Python that runs the trainer, making it first where need be; Cancelled passes through."""


def own_python(report: Progress) -> Interpreter:
    """The Python we run in: it has all the trainer needs, or the trainer says what is missing."""
    return Interpreter(Path(sys.executable))
