"""A world for the page's tests: pictures drawn by code, a studio that works at once, a true queue."""

from __future__ import annotations

import io
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fake_studio import FakeStudio
from fakes import draw_faces
from PIL import Image

from easyphoto.jobs import JobQueue
from easyphoto.library.uploads import StoredUpload
from easyphoto.paths import Paths
from easyphoto.progress import Progress
from easyphoto.ui.context import UiContext
from easyphoto.ui.i18n import Translator
from easyphoto.ui.photos_view import Draft, added

MODELS = Path(__file__).resolve().parents[2] / "models"
SKIN = (220, 120, 90)


@dataclass(frozen=True)
class Line:
    """A finding of a doctor who is always content."""

    name: str = "numpy"
    state: str = "ok"
    value: str = "2.0"
    remedy: str = ""
    found: str = "2.0"
    todo: str = ""
    title: str = "numpy"
    level: str = "ok"


class PageStudio(FakeStudio):
    """The fake studio with the true names of the stages."""

    def _work(self, stage: str, report: Progress) -> None:
        super()._work("train" if stage == "training" else stage, report)


def selfie(file: Path, shade: int = 0) -> Path:
    """A picture with one face."""
    Image.fromarray(draw_faces((320, 320), [((160, 150), 150, (SKIN[0] - shade, SKIN[1], SKIN[2]))])).save(file)
    return file


def group(file: Path) -> Path:
    """A picture with two faces, the right one larger."""
    faces = [((110, 150), 90, SKIN), ((330, 150), 140, SKIN)]
    Image.fromarray(draw_faces((480, 320), faces)).save(file)
    return file


def broken(file: Path) -> Path:
    """The first half of a JPEG."""
    held = io.BytesIO()
    Image.new("RGB", (200, 200), SKIN).save(held, "JPEG")
    file.write_bytes(held.getvalue()[: len(held.getvalue()) // 3])
    return file


def uploaded(file: Path) -> str:
    """A copy where gradio keeps what a browser has brought."""
    own = Path(os.environ["GRADIO_TEMP_DIR"]) / secrets.token_hex(8)
    own.mkdir(parents=True)
    return str(shutil.copyfile(file, own / file.name))


def drafted(*files: Path) -> Draft:
    """Photos that were uploaded."""
    return added((), [StoredUpload("", file.name, file) for file in files])


def paths_in(root: Path) -> Paths:
    """Data under `root`, no shipped templates but one, and a sample photo."""
    models = root / "models"
    (models / "samples").mkdir(parents=True, exist_ok=True)
    selfie(models / "samples" / "astronaut.png")
    (models / "templates").mkdir(parents=True, exist_ok=True)
    group(models / "templates" / "two_friends.png")
    shutil.copyfile(MODELS / "weights.toml", models / "weights.toml")
    return Paths(root / "data", models)


@contextmanager
def desk_in(root: Path, language: str = "en", **studio: object) -> Iterator[UiContext]:
    """A context with a fake studio and a true queue."""
    play = PageStudio(paths_in(root), **studio)  # type: ignore[arg-type]
    queue = JobQueue(play.paths, play)  # type: ignore[arg-type]
    try:
        yield UiContext(play, queue, Translator(language), lambda: [Line()])  # type: ignore[arg-type]
    finally:
        queue.close()
