"""The templates that can be chosen: those that ship with the program and the user's own."""

from __future__ import annotations

import os
import re
import shutil
import threading
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from easyphoto.errors import BadPicture, NotFound
from easyphoto.faces.base import FaceToolbox
from easyphoto.images import open_picture
from easyphoto.paths import Paths
from easyphoto.ui.portrait_view import TemplateCard
from easyphoto.ui.sitting import FaceSpot, spots_of

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
LOOK_SIDE = 1600  # longer side at which faces are looked for


class Shelf:
    """Templates on disk with the places of their faces."""

    def __init__(self, paths: Paths, faces: FaceToolbox) -> None:
        self._paths = paths
        self._faces = faces
        self._spots: dict[tuple[str, int], tuple[FaceSpot, ...]] = {}
        self._lock = threading.Lock()

    def cards(self) -> list[TemplateCard]:
        """The user's own first, the newest of them first; then the shipped ones by name."""
        own = sorted(_pictures(self._paths.templates), key=lambda f: -f.stat().st_mtime_ns)
        shipped = sorted(_pictures(self._paths.shipped_templates))
        return [_card(f, True) for f in own] + [_card(f, False) for f in shipped]

    def card(self, template: str) -> TemplateCard:
        """The one of that id. Raises NotFound."""
        for card in self.cards():
            if card.id == template:
                return card
        raise NotFound("There is no such template.", stage="templates", file=template)

    def named(self, name: str) -> TemplateCard | None:
        """The one a job knows by that name."""
        return next((card for card in self.cards() if card.file.name == name), None)

    def add(self, file: Path, name: str) -> TemplateCard:
        """A copy of the picture among the user's own. Raises BadPicture."""
        suffix = Path(name).suffix.lower()
        if suffix not in SUFFIXES:
            raise BadPicture(
                f"{suffix or 'A file without a suffix'} cannot be a template.",
                stage="templates",
                file=name,
                mend="Use a jpg, png or webp.",
            )
        open_picture(file, long_side=LOOK_SIDE)
        self._paths.templates.mkdir(parents=True, exist_ok=True)
        target = _free(self._paths.templates, safe_stem(Path(name).stem), suffix)
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        shutil.copyfile(file, part)
        part.replace(target)
        return _card(target, True)

    def remove(self, template: str) -> None:
        """Delete one of the user's own. Raises NotFound, also for one that ships with the program."""
        card = self.card(template)
        if not card.own:
            raise NotFound("This template ships with the program.", stage="templates", file=card.name)
        card.file.unlink()

    def spots(self, templates: Sequence[str]) -> dict[str, tuple[FaceSpot, ...]]:
        """Where the faces of those templates are; looked for once a file."""
        found = {}
        for card in self.cards():
            if card.id in templates:
                found[card.id] = self._spots_of(card.file)
        return found

    def _spots_of(self, file: Path) -> tuple[FaceSpot, ...]:
        key = (str(file), file.stat().st_mtime_ns)
        with self._lock:
            if key not in self._spots:
                self._spots[key] = self._look(file)
            return self._spots[key]

    def _look(self, file: Path) -> tuple[FaceSpot, ...]:
        try:
            picture = open_picture(file, long_side=LOOK_SIDE)
        except BadPicture:
            return ()
        return spots_of(self._faces.detect(np.asarray(picture)), picture.size)


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and not f.name.startswith(".")]


def _card(file: Path, own: bool) -> TemplateCard:
    return TemplateCard(f"{'own' if own else 'shipped'}/{file.name}", file.stem.replace("_", " "), file, own)


def safe_stem(stem: str) -> str:
    """A file name without anything a file system or a path could mind."""
    plain = re.sub(r"[^\w\- ]", "", unicodedata.normalize("NFC", stem)).strip()[:60]
    return plain or "template"


def _free(folder: Path, stem: str, suffix: str) -> Path:
    file, number = folder / f"{stem}{suffix}", 1
    while file.exists():
        number += 1
        file = folder / f"{stem}-{number}{suffix}"
    return file
