"""The studio and the queue of this WebUI process: made on first use, and the same after "Reload UI".

A reload runs the host's scripts again and makes a new application, but packages stay in memory: what
`functools.cache` remembers here outlives it, so that there are never two queues, and jobs go on.
"""

from __future__ import annotations

import atexit
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from easyphoto.errors import MissingPackage
from easyphoto.jobs import JobQueue
from easyphoto.paths import Paths
from easyphoto.providers import WEBUI, EngineSettings, Toolboxes, make_engine
from easyphoto.studio import Studio
from easyphoto.system_errors import FAILURES, failure_of
from easyphoto.ui.pictures import PictureCache
from easyphoto.webui import settings
from easyphoto.webui.host_application import HostApplication, data_folder, host_application_in
from easyphoto.webui.weight_places import host_store

if TYPE_CHECKING:
    from easyphoto.progress import Progress
    from easyphoto.training.interpreter import Interpreter

NEEDED = {"numpy": "numpy", "PIL": "Pillow", "cv2": "opencv-python", "onnxruntime": "onnxruntime"}
"""Module -> package without which there is nothing to show."""


_MAKING = RLock()


@dataclass(frozen=True)
class AppState:
    """What every tab and every route of this process shares."""

    studio: Studio
    queue: JobQueue
    application: HostApplication
    pictures: PictureCache = field(default_factory=PictureCache)


def app_state() -> AppState:
    """Raises MissingPackage. The page, a request and the script may all be the first to ask."""
    with _MAKING:
        return app_state_in(data_folder())


@cache
def app_state_in(root: Path) -> AppState:
    """The one of that data folder. Raises EasyPhotoError where it cannot be written, too."""
    if missing := [package for module, package in NEEDED.items() if find_spec(module) is None]:
        raise MissingPackage("webui.missing-packages", stage="start", packages=missing)
    studio = studio_in(Paths(root))
    try:
        queue = JobQueue(studio.paths, studio)
    except FAILURES as error:
        raise failure_of(error, [root], "start") or error from error
    atexit.register(queue.close)
    return AppState(studio, queue, host_application_in(root))


def studio_in(paths: Paths) -> Studio:
    """With the host's models and a trainer of our own. What the tab does not need to appear comes later.

    Raises BadRequest for a face toolbox in the settings that cannot be.
    """
    toolboxes = Toolboxes(paths, settings.read().faces)
    engine = make_engine(WEBUI, paths, EngineSettings(lambda: settings.read().vae, lambda: settings.read().beside))
    return Studio(paths, engine, toolboxes, partial(_trainer, paths), host_store)


def _trainer(paths: Paths, report: Progress) -> Interpreter:
    from easyphoto.training.environment import PrivateEnvironment

    return PrivateEnvironment(paths.trainer)(report)
