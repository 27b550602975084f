"""Bytes changed at random in the lists of jobs and pictures: the program starts and works."""

from __future__ import annotations

import shutil
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from counts import tries
from fake_studio import FakeStudio
from PIL import Image

from easyphoto.errors import NotFound
from easyphoto.jobs import CheckRequest, JobFile, JobQueue, Kind
from easyphoto.paths import Paths
from easyphoto.picture_tokens import Pictures

DATABASES = ("jobs.sqlite", "pictures.sqlite")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a hundred jobs and pictures."""
    paths = Paths(tmp_path_factory.mktemp("sound") / "data", Path("models"))
    studio = FakeStudio(paths, steps=1)
    picture = tmp_path_factory.mktemp("picture") / "a.png"
    Image.new("RGB", (20, 20)).save(picture)
    with closing(JobQueue(paths, studio)) as queue:  # type: ignore[arg-type]
        jobs = [queue.submit(Kind.CHECK, CheckRequest(), [JobFile(picture, "a.png")]) for _ in range(60)]
        while not all(queue.get(job.id).over for job in jobs):
            time.sleep(0.02)
    shutil.copy(picture, paths.root / "a.png")
    Pictures(paths).token(paths.root / "a.png")
    return paths.root


@pytest.mark.parametrize("name", DATABASES)
def test_any_damage_leaves_a_program_that_works(sound: Path, tmp_path: Path, name: str):
    for number in range(tries(8, 100)):
        root = tmp_path / str(number)
        shutil.copytree(sound, root)
        damage(root / "jobs" / name, number)
        paths = Paths(root, Path("models"))
        with closing(JobQueue(paths, FakeStudio(paths, steps=1))) as queue:  # type: ignore[arg-type]
            seen = queue.list()
            assert len(seen) <= 100
            for job in seen:
                queue.events(job.id)
            job = queue.submit(Kind.CHECK, CheckRequest(), [JobFile(root / "a.png", "a.png")])
            end = time.monotonic() + 20
            while not queue.get(job.id).over:
                assert time.monotonic() < end, (name, number)
                time.sleep(0.01)
        pictures = Pictures(paths)
        token = pictures.token(root / "a.png")
        assert token is not None and pictures.open(token)[0] == (root / "a.png").resolve()
        with pytest.raises(NotFound):
            pictures.open("nobody's")


def damage(file: Path, seed: int) -> None:
    """A stretch of random bytes, a hole, or an end that is missing, by turns."""
    rng, data = np.random.default_rng(seed), bytearray(file.read_bytes())
    at, size = int(rng.integers(0, len(data))), int(rng.integers(1, 5000))
    if seed % 3 == 0:
        del data[at:]
    else:
        part = data[at : at + size]
        data[at : at + size] = rng.bytes(len(part)) if seed % 3 == 1 else bytes(len(part))
    for other in file.parent.glob(f"{file.name}-*"):
        other.unlink()
    file.write_bytes(data)
