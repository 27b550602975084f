"""The studio of this ComfyUI process, where its data lies, and the language of what is said."""

from __future__ import annotations

import json
import os
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from easyphoto.errors import MissingPackage
from easyphoto.library import Library
from easyphoto.paths import Paths, default_root

if TYPE_CHECKING:
    from easyphoto.progress import Progress
    from easyphoto.studio import Studio
    from easyphoto.training.interpreter import Interpreter

NEEDED = {"cv2": "opencv-python-headless", "onnxruntime": "onnxruntime", "skimage": "scikit-image"}
"""Module -> package that a ComfyUI may lack; `install.py` adds them."""

FOLDER = "__easyphoto"
"""In ComfyUI's user folder. ComfyUI serves the folders of its users alone, and none whose name begins so."""


def paths() -> Paths:
    """EASYPHOTO_HOME, or a folder in ComfyUI's user folder, which an update of the node leaves alone."""
    import folder_paths

    if os.environ.get("EASYPHOTO_HOME"):
        return Paths(default_root())
    return Paths(Path(folder_paths.get_user_directory()).resolve() / FOLDER)


def library() -> Library:
    """The persons. Nothing heavy is imported."""
    return Library(paths())


def studio() -> Studio:
    """With ComfyUI's checkpoints for trainings. Raises MissingPackage."""
    return _studio_in(paths().root)


@cache
def _studio_in(root: Path) -> Studio:
    if missing := [package for module, package in NEEDED.items() if find_spec(module) is None]:
        raise MissingPackage("comfyui.missing-packages", stage="start", packages=missing, command=_command())
    from easyphoto.engines.comfyui.base_models import HostCheckpointsEngine
    from easyphoto.providers import Toolboxes
    from easyphoto.studio import Studio

    place = Paths(root)
    return Studio(place, HostCheckpointsEngine(place), Toolboxes(place), partial(_trainer, place))


def _command() -> str:
    """What adds the packages to the Python that runs ComfyUI."""
    import sys

    from easyphoto.paths import checkout

    return f'"{sys.executable}" "{checkout() / "install.py"}"'


def _trainer(place: Paths, report: Progress) -> Interpreter:
    from easyphoto.training.environment import PrivateEnvironment

    return PrivateEnvironment(place.trainer)(report)


def language() -> str:
    """en, or zh where that is the language of ComfyUI's page; of its only user's, since nodes do not see who asks."""
    import folder_paths

    file = Path(folder_paths.get_user_directory()) / "default" / "comfy.settings.json"
    try:
        chosen = str(json.loads(file.read_text(encoding="utf-8")).get("Comfy.Locale", ""))
    except (OSError, ValueError, AttributeError):
        return "en"
    return "zh" if chosen.startswith("zh") else "en"
