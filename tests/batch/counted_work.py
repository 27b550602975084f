"""Work that can be watched and killed: each try leaves a file with its process."""

import os
import time
from pathlib import Path

from easyphoto.batch import BatchTask, TaskResult
from easyphoto.progress import Progress

SECONDS = 1.0


class CountedWork:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, task: BatchTask, before: TaskResult | None, report: Progress) -> TaskResult:
        assert (before is None) == (not task.after)
        (self.folder / f"{task.key}-{os.getpid()}").touch()
        time.sleep(SECONDS)
        return TaskResult(task.key, file=f"{task.key}.png")

    def tries(self, key: str) -> list[int]:
        return [int(file.name.rpartition("-")[2]) for file in self.folder.glob(f"{key}-*")]
