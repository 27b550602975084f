"""Templates: those that ship with the program and those the user has added."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from easyphoto.domain import Template
from easyphoto.errors import BadName, NotFound
from easyphoto.images import open_picture, save_picture
from easyphoto.library.filesystem import make_private
from easyphoto.library.names import slug
from easyphoto.library.template_catalog import read_catalog
from easyphoto.paths import Paths, free_name

KINDS = (".jpg", ".jpeg", ".png", ".webp")


class Templates:
    """Pictures whose faces are repainted. The user's own lie under `paths.templates`, cleaned of metadata."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def list(self) -> tuple[Template, ...]:
        """Shipped ones first, in their catalog's order, then the user's by name. Raises BadModel for a bad catalog."""
        return (*self.shipped(), *_in(self._paths.templates))

    def shipped(self) -> tuple[Template, ...]:
        """Those that ship, with what is known of them; a picture that the catalog lacks comes after the others."""
        facts = read_catalog(self._paths.shipped_templates)
        order = {name: number for number, name in enumerate(facts)}
        found = sorted(_in(self._paths.shipped_templates), key=lambda one: order.get(one.file.name, len(order)))
        return tuple(replace(template, facts=facts.get(template.file.name)) for template in found)

    def add(self, file: Path, name: str = "") -> Template:
        """Opened safely and saved anew as PNG; never over another one. Raises BadPicture, BadName."""
        picture = open_picture(file)
        make_private(self._paths.templates)
        goal = free_name(self._paths.templates, slug(name or file.stem))
        save_picture(picture, goal, ai_made=False)
        return Template(goal, goal.stem)

    def remove(self, name: str) -> None:
        """Delete one of the user's own. Raises NotFound, and BadName for what is no name of ours."""
        found = [template for template in _in(self._paths.templates) if template.name == name]
        if not found:
            raise (NotFound if name == Path(name).name else BadName)(
                f"There is no own template {name[:60]!r}.", stage="templates"
            )
        found[0].file.unlink()


def _in(folder: Path) -> list[Template]:
    if not folder.is_dir():
        return []
    files = [f for f in folder.iterdir() if f.suffix.lower() in KINDS and not f.name.startswith(".")]
    return [Template(file, file.stem) for file in sorted(files, key=lambda f: f.stem) if file.is_file()]
