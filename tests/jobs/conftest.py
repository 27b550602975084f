"""A studio without models, its queue and two photos."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_studio import FakeStudio
from PIL import Image

from easyphoto.jobs import JobFile, JobQueue
from easyphoto.paths import Paths


@pytest.fixture
def studio(tmp_path: Path) -> FakeStudio:
    return FakeStudio(Paths(tmp_path / "data"))


@pytest.fixture
def open_queue(studio: FakeStudio) -> Iterator[Callable[[], JobQueue]]:
    queues: list[JobQueue] = []

    def opened() -> JobQueue:
        queues.append(JobQueue(studio.paths, studio))
        return queues[-1]

    yield opened
    if studio.gate:
        studio.gate.set()
    for queue in queues:
        queue.close()


@pytest.fixture
def photos(tmp_path: Path) -> list[JobFile]:
    files = []
    for name, color in (("a.png", "red"), ("b.png", "blue")):
        Image.new("RGB", (20, 30), color).save(tmp_path / name)
        files.append(JobFile(tmp_path / name, f"my {name}"))
    return files
