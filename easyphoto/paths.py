"""Every folder and file name we use, from one root."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

LONGEST_STEM = 200
"""Bytes; file systems take 255, and some are needed for a number and for a temporary name."""

_PACKAGE = Path(__file__).resolve().parent


def checkout() -> Path:
    """The folder that holds the package; in a clone also start.py and models/."""
    return _PACKAGE.parent


def shipped_models() -> Path:
    """The folder of files that ship with the program: beside the package in a clone, inside it in a wheel."""
    beside = checkout() / "models"
    return beside if beside.is_dir() else _PACKAGE / "_models"


def default_root() -> Path:
    """The data folder: EASYPHOTO_HOME, else a dot-folder of the clone, else of the user's home.

    The leading dot keeps it out of listings, and gradio 3 serves no path with a dotted part.
    """
    if asked := os.environ.get("EASYPHOTO_HOME"):
        return Path(asked).expanduser().resolve()
    if (checkout() / "start.py").is_file():
        return checkout() / ".easyphoto"
    return Path.home() / ".easyphoto"


@dataclass(frozen=True)
class Paths:
    """Where things lie. `root` holds what is the user's; `models` what ships with the program."""

    root: Path
    models: Path = field(default_factory=shipped_models)

    @property
    def persons(self) -> Path:
        """One folder a trained person."""
        return self.root / "persons"

    @property
    def templates(self) -> Path:
        """The user's own templates."""
        return self.root / "templates"

    @property
    def portraits(self) -> Path:
        """Finished portraits."""
        return self.root / "portraits"

    @property
    def jobs(self) -> Path:
        """Working folders and logs of running work."""
        return self.root / "jobs"

    @property
    def uploads(self) -> Path:
        """Files that were brought to the page or the API and are part of nothing yet."""
        return self.jobs / "uploads"

    @property
    def drafts(self) -> Path:
        """What pages held when they were last looked at."""
        return self.jobs / "page_drafts"

    @property
    def temporary(self) -> Path:
        """Temporary files of libraries, and gradio's folder of uploads."""
        return self.jobs / "tmp"

    @property
    def machine(self) -> Path:
        """What was measured about this machine."""
        return self.root / "machine"

    @property
    def weights(self) -> Path:
        """Fetched or imported model files."""
        return self.root / "weights"

    @property
    def trainer(self) -> Path:
        """Packages of the trainer, where it has some of its own."""
        return self.root / "trainer"

    @property
    def shipped_templates(self) -> Path:
        """Templates that ship with the program."""
        return self.models / "templates"

    @property
    def face_models(self) -> Path:
        """Built-in face models."""
        return self.models / "builtin" / "faces"

    @property
    def base_model(self) -> Path:
        """The built-in base model, a diffusers folder."""
        return self.models / "builtin" / "base"

    @property
    def samples(self) -> Path:
        """Pictures the demo is made from."""
        return self.models / "samples"


def shortened(stem: str, most: int = LONGEST_STEM) -> str:
    """At most so many bytes of UTF-8, whole characters only."""
    return stem.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


def free_name(folder: Path, stem: str) -> Path:
    """STEM.png in `folder`, or STEM-2.png and so on: nothing that is there is ever overwritten.

    The stem is shortened to `LONGEST_STEM` bytes, so that every system takes the name.
    """
    stem = shortened(stem)
    file, number = folder / f"{stem}.png", 1
    while file.exists():
        number += 1
        file = folder / f"{stem}-{number}.png"
    return file
