"""The command line with a studio of tiny models: ``python tiny_cli.py MODELS BASE ARGUMENTS...``.

A process of its own, so that it can be killed. The trainer is the true one; faces are colored ellipses.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fakes import FakeEngine, fake_toolboxes

from easyphoto.cli.app import main
from easyphoto.domain import BUILTIN_CHECKPOINT, Checkpoint, ModelFamily
from easyphoto.paths import Paths
from easyphoto.studio import Studio


class TinyEngine(FakeEngine):
    """Its one base model is a file the trainer can open."""

    def __init__(self, base: Path) -> None:
        super().__init__()
        self._base = base

    def checkpoints(self) -> list[Checkpoint]:
        return [Checkpoint(BUILTIN_CHECKPOINT, ModelFamily.BUILTIN, self._base)]


def studio(root: Path, models: Path, base: Path) -> Studio:
    """With tiny models; `models` has the templates."""
    paths = Paths(root, models)
    return Studio(paths, TinyEngine(base), fake_toolboxes(paths))  # type: ignore[arg-type]


if __name__ == "__main__":
    models, base = Path(sys.argv[1]), Path(sys.argv[2])
    sys.exit(main(sys.argv[3:], lambda root: studio(root or Path(), models, base)))
