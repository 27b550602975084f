"""Portraits with the true toolbox, one batch in one process: ``python portrait_memory.py ROOT N``.

Prints the megabytes that the process holds after each, as one JSON list.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil

from easyphoto.domain import ModelFamily, Photo, PortraitRequest, SavedPortrait, Template, TrainRequest
from easyphoto.errors import EasyPhotoError
from easyphoto.studio import Studio


def memory_after_each(root: Path, count: int) -> list[float]:
    """Portraits of the sample person in the shipped templates by turns."""
    studio, held = Studio.local(root), list[float]()
    photo = studio.paths.samples / "astronaut.png"
    request = TrainRequest.for_family(ModelFamily.BUILTIN, person="Ann", consent=True)
    studio.train(request, [Photo(photo, photo.name)])
    files = sorted(studio.paths.shipped_templates.glob("*.jpg"))[:3]
    wanted, process = PortraitRequest.for_family(ModelFamily.BUILTIN, persons=("ann",)), psutil.Process()
    templates = [Template(files[number % len(files)], f"{number}.jpg") for number in range(count)]

    def measured(done: SavedPortrait | EasyPhotoError) -> None:
        if isinstance(done, EasyPhotoError):
            raise done
        held.append(process.memory_info().rss / 1e6)

    studio.portrait(wanted, templates, on_result=measured)
    return held


if __name__ == "__main__":
    sys.stdout.write(json.dumps(memory_after_each(Path(sys.argv[1]), int(sys.argv[2]))) + "\n")
