"""The templates as the page shows them, with the places of their faces."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from easyphoto.domain import StoredTemplate
from easyphoto.errors import BadPicture
from easyphoto.faces.base import FaceToolbox
from easyphoto.images import open_picture
from easyphoto.library import Templates
from easyphoto.library.templates import KINDS
from easyphoto.paths import Paths
from easyphoto.ui.portrait_view import TemplateTile
from easyphoto.ui.selection import FaceBox, face_boxes_of

DETECT_SIDE = 1600  # longer side at which faces are looked for


class TemplateGrid:
    """The library's templates as tiles; faces are looked for once a file."""

    def __init__(self, paths: Paths, faces: Callable[[], FaceToolbox]) -> None:
        self._templates = Templates(paths)
        self._faces = faces
        self._spots: dict[tuple[str, int], tuple[FaceBox, ...]] = {}
        self._lock = threading.Lock()
        self.remove = self._templates.remove

    def cards(self) -> list[TemplateTile]:
        """The user's own first."""
        return sorted((_tile(template) for template in self._templates.list()), key=lambda card: not card.own)

    def card(self, template: str) -> TemplateTile:
        """The one of that id. Raises NotFound."""
        return _tile(self._templates.open(template))

    def named(self, file_name: str) -> TemplateTile | None:
        """The one a job knows by that file name."""
        return next((card for card in self.cards() if card.file.name == file_name), None)

    def add(self, file: Path, name: str) -> TemplateTile:
        """A copy of the picture among the user's own. Raises BadPicture, BadName."""
        if Path(name).suffix.lower() not in KINDS:
            raise BadPicture("template.unreadable", stage="templates", file=name, name=name)
        return _tile(self._templates.add(file, Path(name).stem))

    def face_boxes(self, templates: Sequence[str]) -> dict[str, tuple[FaceBox, ...]]:
        """Where the faces of those templates are."""
        return {card.id: self._spots_of(card.file) for card in self.cards() if card.id in templates}

    def _spots_of(self, file: Path) -> tuple[FaceBox, ...]:
        key = (str(file), file.stat().st_mtime_ns)
        with self._lock:
            if key not in self._spots:
                self._spots[key] = self._look(file)
            return self._spots[key]

    def _look(self, file: Path) -> tuple[FaceBox, ...]:
        try:
            picture = open_picture(file, long_side=DETECT_SIDE)
        except BadPicture:
            return ()
        return face_boxes_of(self._faces().detect(np.asarray(picture)), picture.size)


def _tile(template: StoredTemplate) -> TemplateTile:
    titles, tags = (template.facts.title, template.facts.tags) if template.facts else ({}, ())
    return TemplateTile(template.id, template.name.replace("_", " "), template.file, template.own, titles, tags)
