"""Templates: those that ship with the program and those the user has added."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from easyphoto.domain import StoredTemplate
from easyphoto.errors import NotAllowed, NotFound
from easyphoto.images import open_picture, save_picture
from easyphoto.library.names import slug
from easyphoto.library.template_catalog import read_catalog
from easyphoto.paths import Paths, free_name
from easyphoto.private_files import make_private

KINDS = (".jpg", ".jpeg", ".png", ".webp")


SAMPLE_TEMPLATES = ("street.jpg", "red-wall.jpg", "blazer.jpg", "garden.jpg")
"""Shipped ones that go well with the sample photo, for a first try."""


class Templates:
    """Pictures whose faces are repainted. The user's own lie under `paths.templates`, cleaned of metadata."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def list(self) -> tuple[StoredTemplate, ...]:
        """Shipped ones first, in their catalog's order, then the user's by name. Raises BadModel for a bad catalog."""
        return (*self.shipped(), *(_stored(file, own=True) for file in _in(self._paths.templates)))

    def shipped(self) -> tuple[StoredTemplate, ...]:
        """Those that ship, with what is known of them; a picture that the catalog lacks comes after the others."""
        facts = read_catalog(self._paths.shipped_templates)
        order = {name: number for number, name in enumerate(facts)}
        found = sorted(_in(self._paths.shipped_templates), key=lambda file: order.get(file.name, len(order)))
        return tuple(replace(_stored(file, own=False), facts=facts.get(file.name)) for file in found)

    def open(self, template: str) -> StoredTemplate:
        """The one of that id. Raises NotFound."""
        for found in self.list():
            if found.id == template:
                return found
        raise NotFound("template.unknown", stage="templates")

    def add(self, file: Path, name: str = "") -> StoredTemplate:
        """Opened safely and saved anew as PNG; never over another one. Raises BadPicture, BadName."""
        picture = open_picture(file)
        make_private(self._paths.templates)
        goal = free_name(self._paths.templates, slug(name or file.stem))
        save_picture(picture, goal, ai_made=False)
        return _stored(goal, own=True)

    def remove(self, template: str) -> None:
        """Delete one of the user's own. Raises NotFound; NotAllowed for one that ships with the program."""
        found = self.open(template)
        if not found.own:
            raise NotAllowed("template.shipped", stage="templates", file=found.name)
        found.file.unlink(missing_ok=True)


def _stored(file: Path, own: bool) -> StoredTemplate:
    mark = hashlib.sha256(f"{'own' if own else 'shipped'}/{file.name}".encode())
    return StoredTemplate(file, file.stem, id=mark.hexdigest()[:24], own=own)


def _in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    files = [f for f in folder.iterdir() if f.suffix.lower() in KINDS and not f.name.startswith(".")]
    return [file for file in sorted(files, key=lambda f: f.stem) if file.is_file()]
